"""Sentences for users: why a photo was refused, and what a set of photos still lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from twins.models import LEAST, Photo

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
    "unsafe": _("This photo shows nudity or something else that cannot be used. Choose another one."),
}

# When one part of the face is hidden. The hints of ml/nets/hidden.py.
HIDDEN: dict[str, Any] = {
    "eyes_hidden": _("The eyes are hidden. Choose a photo without sunglasses, hair or a hand before them."),
    "nose_hidden": _("The nose is hidden. Choose a photo without a mask or a hand before it."),
    "mouth_hidden": _("The mouth is hidden. Choose a photo without a mask, a scarf or a hand before it."),
}
PARTLY_HIDDEN = _("Partly hidden? Photos that show the whole face work better.")

TURNED = 12.0  # degrees of yaw beyond which a face counts as turned
LIGHTS_APART = 0.10  # difference of mean brightness (0..1) that counts as different light


def sentence(photo: Photo) -> Any:
    """Why the photo was refused, or what to know about an accepted one; None when there is nothing to say."""
    parts = [hint for hint in photo.hints if hint in HIDDEN]
    if photo.accepted:
        return PARTLY_HIDDEN if parts else None
    alone = photo.code == "face_hidden" and len(parts) == 1
    return HIDDEN[parts[0]] if alone else SENTENCES.get(photo.code)


@dataclass(frozen=True)
class Readiness:
    """Numbers of accepted and still needed photos. `missing`: hints (code, sentence)."""

    accepted: int
    needed: int
    missing: tuple[tuple[str, str], ...]


def readiness(photos: Sequence[Photo]) -> Readiness:
    """`photos`: the accepted photos of a twin."""
    missing = []
    if len(photos) < LEAST:
        lack = LEAST - len(photos)
        missing.append(
            (
                "photos",
                ngettext("%(n)s more photo is needed.", "%(n)s more photos are needed.", lack) % {"n": lack},
            )
        )
    missing += [(code, str(sentence)) for code, sentence, is_there in _variety(photos) if not is_there]
    return Readiness(len(photos), max(0, LEAST - len(photos)), tuple(missing))


def _variety(photos: Sequence[Photo]) -> list[tuple[str, Any, bool]]:
    yaws = [p.yaw for p in photos if p.yaw is not None]
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
