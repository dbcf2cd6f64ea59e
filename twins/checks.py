"""Sentences for users: why a photo was refused, and what a set of photos still lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ml.nets.scales import is_drawn
from ml.sameness import AGREE, people
from ml.types import Inspection
from twins.models import LEAST, SIGN, Photo

SENTENCES: dict[str, Any] = {
    "not_an_image": _("This file is not a picture. Choose a JPEG, PNG, TIFF, WebP or HEIC photo."),
    "unsupported_format": _(
        "This kind of picture cannot be used. Choose a single JPEG, PNG, TIFF, WebP or HEIC photo, "
        "without animation or pages. Export a raw file as JPEG first."
    ),
    "unreadable": _(
        "This picture is damaged or incomplete. Save or download it again and choose the new file."
    ),
    "too_small": _("This picture is too small. Choose one of at least 512 pixels on its short side."),
    "too_large": _("This picture is too large. Choose one of at most 64 megapixels."),
    "no_face": _("No face was found. Choose a photo that shows your face clearly, also half turned."),
    "several_faces": _("Several people are in this photo. Choose one of you alone."),
    "face_too_small": _("The face is too small. Choose a photo taken from nearer, or in its full size."),
    "face_cut_off": _("Part of the face is outside the picture. Choose a photo with the whole face in it."),
    "face_hidden": _("The face is partly hidden. Choose a photo without mask, hand or sunglasses."),
    "blurred": _("The face is not sharp. Choose a photo that is in focus and not shaken."),
    "too_dark": _("The face is too dark. Choose a photo with more light on the face."),
    "too_bright": _(
        "The face is overexposed. Choose a photo with softer light, without flash or direct sun."
    ),
    "duplicate": _("This photo is already among your photos. Choose a different one."),
    "other_person": _(
        "This seems to be somebody else than on the other photos. Choose one of the same person."
    ),
    "not_adult": _("This person may be under 18. Choose photos of an adult."),
    "picture_blocked": _(
        "This picture is on a list of pictures that may not be here. Choose another one. If you think that"
        " this is a mistake, write to us."
    ),
    "unsafe": _("This photo shows nudity or something else that cannot be used. Choose another one."),
}

# When one part of the face is hidden. The hints of ml/nets/hidden.py.
HIDDEN: dict[str, Any] = {
    "eyes_hidden": _("The eyes are hidden. Choose a photo without sunglasses, hair or a hand before them."),
    "nose_hidden": _("The nose is hidden. Choose a photo without a mask or a hand before it."),
    "mouth_hidden": _("The mouth is hidden. Choose a photo without a mask, a scarf or a hand before it."),
}
PARTLY_HIDDEN = _("Partly hidden? Photos that show the whole face work better.")

# Of `other_person`, for a set of the other kind. By what this photo is.
OTHER_KIND: dict[str | None, Any] = {
    "drawn": _("This is a drawing, and your other photos are photographs. Choose a photograph."),
    "photograph": _("This is a photograph, and your other photos are drawings. Choose a drawing."),
}

TURNED = 12.0  # degrees of yaw beyond which a face counts as turned
LIGHTS_APART = 0.10  # difference of mean brightness (0..1) that counts as different light


def sentence_of(photo: Photo) -> Any:
    """Why this photo was refused, or what to know about an accepted one; None: nothing."""
    parts = [hint for hint in photo.hints if hint in HIDDEN]
    if photo.accepted:
        return PARTLY_HIDDEN if parts else None
    if photo.code == "face_hidden" and len(parts) == 1:
        return HIDDEN[parts[0]]
    if photo.code == "other_person" and "other_kind" in photo.hints:
        return OTHER_KIND.get(photo.kind, SENTENCES["other_person"])
    return SENTENCES.get(photo.code)


def as_inspection(photo: Photo) -> Inspection:
    """An accepted photo, for the comparison with others."""
    vector = tuple(float(v) for v in photo.embedding) if photo.embedding is not None else ()
    numbers = iter(photo.points or ())
    return Inspection(
        True,
        width=photo.width or 0,
        points=tuple(zip(numbers, numbers)),
        yaw=photo.yaw or 0.0,
        hints=tuple(photo.hints),
        embedding=vector,
        embedder=photo.embedder,
        hash=(photo.hash or 0) + SIGN,
    )


def hints_of(said: Inspection, others: Sequence[Inspection]) -> list[str]:
    """The hints to store. `other_kind` says of `other_person` that most others are of the other kind."""
    apart = sum(is_drawn(other.embedder) != is_drawn(said.embedder) for other in others)
    other_kind = said.code == "other_person" and apart > len(others) / 2
    return [*said.hints, *(["other_kind"] if other_kind else [])]


@dataclass(frozen=True)
class Readiness:
    """Numbers of accepted and still needed photos. `missing`: hints (code, sentence). `people`: the photos of
    each person, when they show more than one; a training waits until all show one."""

    accepted: int
    needed: int
    missing: tuple[tuple[str, str], ...]
    people: tuple[tuple[Photo, ...], ...] = ()

    @property
    def majority(self) -> bool:
        """Whether the first of `people` is the person of the twin, and the others are strangers."""
        return _has_majority(self.people)


def readiness(photos: Sequence[Photo]) -> Readiness:
    """`photos`: the accepted photos of a twin."""
    found = people([as_inspection(photo) for photo in photos])
    groups = tuple(tuple(photos[i] for i in person) for person in found) if len(found) > 1 else ()
    front = [p for p in photos if "profile" not in p.hints]
    needed = max(LEAST - len(photos), AGREE - len(front), 0)
    missing = [("people", _say_people(groups))] if groups else []
    if len(photos) < LEAST:
        lack = {"n": LEAST - len(photos)}
        more = ngettext("%(n)s more photo is needed.", "%(n)s more photos are needed.", lack["n"])
        missing.append(("photos", more % lack))
    if photos and len(front) < AGREE:
        missing.append(("front", str(FRONT)))
    seen = photos if len(front) >= AGREE and not groups else front  # whose profile it is, the others say
    missing += [(code, str(sentence)) for code, sentence, there in _variety(photos, seen) if not there]
    return Readiness(len(photos), needed, tuple(missing), groups)


FRONT = _("Add photos with your face to the camera. A profile alone does not tell who it is.")


def _has_majority(groups: Sequence[Sequence[Photo]]) -> bool:
    return bool(groups) and AGREE <= len(groups[0]) >= sum(map(len, groups)) * 2 / 3


def _say_people(groups: Sequence[Sequence[Photo]]) -> str:
    """What to do about a set of more than one person."""
    counts = [len(group) for group in groups]
    if len({group[0].kind for group in groups}) > 1:
        return str(
            _("Some of these are drawings and some photographs. Keep one kind, and remove the others.")
        )
    if _has_majority(groups):
        n = sum(counts[1:])
        return ngettext(
            "%(n)s photo seems to show somebody else. Remove it.",
            "%(n)s photos seem to show somebody else. Remove them.",
            n,
        ) % {"n": n}
    words = _("These photos seem to show %(n)s people. Keep those of one person, and remove the others.")
    return words % {"n": len(counts)}


def _variety(photos: Sequence[Photo], seen: Sequence[Photo]) -> list[tuple[str, Any, bool]]:
    """`seen`: the photos whose angles count."""
    yaws = [p.yaw for p in seen if p.yaw is not None]
    lights = [p.light for p in photos if p.light is not None]
    return [
        ("angles_left", _("Add a photo with your face turned to the left."), any(y < -TURNED for y in yaws)),
        ("angles_right", _("Add a photo with your face turned to the right."), any(y > TURNED for y in yaws)),
        (
            "lights",
            _("Add photos taken in different light: by a window, outdoors, in the evening."),
            bool(lights) and max(lights) - min(lights) > LIGHTS_APART,
        ),
        (
            "expressions",
            _("Add photos with different expressions: one smiling, one neutral."),
            0 < sum("smiling" in p.hints for p in photos) < len(photos),
        ),
        (
            "backgrounds",
            _("Add photos from different places."),
            len({(p.hash or 0) >> 60 for p in photos}) > 2,
        ),
    ]
