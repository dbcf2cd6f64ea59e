"""One answer about a file's origin, with its reasons as stable codes.

A signature of ours that is intact decides. Without it the mark in the pixels decides, and without both the
signature of somebody else. So no two fields can contradict each other.
"""

from __future__ import annotations

from dataclasses import dataclass

from ml.watermark import Mark

# What is said of each verdict. `engine` and `date` are known from an intact signature of ours alone.
SENTENCES = {
    "ours": "Made by PhotoFlux ({engine} engine) on {date}. The signature is intact.",
    "ours_edited": "Edited with PhotoFlux ({engine} engine) on {date}. The signature is intact.",
    "ours_changed": (
        "The invisible mark says that this picture came from here. The file was changed since: "
        "saved again, cropped or scaled."
    ),
    "others": "This file is signed by somebody else, not by PhotoFlux.",
    "unknown": "Nothing here says that this file came from PhotoFlux.",
}
REASONS = {
    "signature_intact": "It carries our signature, and nothing was changed since.",
    "signature_missing": "It carries no signature. Saving a file again removes it.",
    "signature_unread": "Signatures are read in PNG, JPEG, WebP and MP4 files only.",
    "signature_broken": "It carries a signature, but the file was changed after signing.",
    "signature_invalid": "It carries a signature that is damaged or not valid.",
    "signature_not_ours": (
        "It carries a signature in PhotoFlux's name, by a key that is not one of ours. Do not rely on it."
    ),
    "signature_of_others": "It carries a signature in another name, and nothing was changed since.",
    "mark_found": "Our invisible mark is in the picture. It is a trace and no proof: a mark can be copied.",
    "mark_cropped": "The picture is only a part of the one that was marked.",
    "mark_mirrored": "The picture is mirrored.",
    "mark_missing": "No invisible mark was found. Strong changes remove it.",
    "pixels_unread": "The pixels could not be read, so no mark was looked for.",
}
SIGNED = ("ours", "ours_edited")


@dataclass(frozen=True)
class Claim:
    """What an intact signature of ours says."""

    engine: str
    created: str  # ISO 8601
    ident: int
    edited: bool


@dataclass(frozen=True)
class Provenance:
    """The answer. Only `signed` is proof: a mark can be copied into any picture."""

    verdict: str  # one of SENTENCES
    reasons: tuple[str, ...]  # of REASONS
    ours: bool  # it came from here
    signed: bool  # by a key of ours, and the file is unchanged since
    kind: str | None  # "generated" or "edited", like the next two from an intact signature of ours
    engine: str | None
    created: str | None  # ISO 8601
    ident: int | None  # from a signature of ours, else from the mark in the pixels
    summary: str  # one sentence for the user


def decide(claim: Claim | None, signature: str, mark: Mark | None, *, decoded: bool) -> Provenance:
    """`signature`: one of the reasons signature_*. `decoded`: whether the pixels could be read."""
    verdict = _verdict(claim, signature, mark)
    return Provenance(
        verdict,
        (signature, *_said_by_mark(mark, decoded)),
        ours=verdict.startswith("ours"),
        signed=verdict in SIGNED,
        kind=("edited" if claim.edited else "generated") if claim else None,
        engine=claim.engine if claim else None,
        created=claim.created if claim else None,
        ident=claim.ident if claim else mark.ident if mark else None,
        summary=summarise(SENTENCES[verdict], claim),
    )


def _verdict(claim: Claim | None, signature: str, mark: Mark | None) -> str:
    if claim:
        return "ours_edited" if claim.edited else "ours"
    if mark:
        return "ours_changed"
    return "others" if signature in ("signature_of_others", "signature_not_ours") else "unknown"


def _said_by_mark(mark: Mark | None, decoded: bool) -> list[str]:
    if mark is None:
        return ["mark_missing" if decoded else "pixels_unread"]
    said = {"mark_found": True, "mark_cropped": mark.cropped, "mark_mirrored": mark.mirrored}
    return [reason for reason, true in said.items() if true]


def summarise(sentence: str, found: Claim | Provenance | None) -> str:
    """The verdict's sentence, in any language, with what is known."""
    engine, created = (found.engine, found.created) if found else (None, None)
    return sentence.format(engine=engine or "", date=(created or "")[:10])
