"""What to change about a twin's photos before it is trained again, from the measurements of their checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from twins import checks
from twins.models import MOST, Photo

# A face of a sharp photo has 0.23 or more (ml/measures.py). Below 0.175 a photo is refused.
SOFT = 0.215
SMALL = 220.0  # px of a face's width: a twin learns little detail from less
GOOD = 15  # photos from which more of them no longer help much

SHARPER = ngettext_lazy(
    "%(n)s photo is not quite sharp. Replace it by one that is in focus.",
    "%(n)s photos are not quite sharp. Replace them by some that are in focus.",
    "n",
)
NEARER = ngettext_lazy(
    "In %(n)s photo the face is small. Replace it by one taken from nearer.",
    "In %(n)s photos the face is small. Replace them by some taken from nearer.",
    "n",
)
MORE = ngettext_lazy("%(n)s more photo would help.", "%(n)s more photos would help.", "n")
NOTHING = _(
    "Your photos are sharp and varied. Add some from other days, and remove those that look least like you"
    " today."
)


@dataclass(frozen=True)
class Advice:
    """`code` is stable. `photos`: those that it is about, if it is about some."""

    code: str
    sentence: str
    photos: tuple[Photo, ...] = ()


def advise(photos: Sequence[Photo]) -> list[Advice]:
    """`photos`: the accepted photos of a twin. First what is wrong with some, then what is missing."""
    soft = [photo for photo in photos if photo.sharpness is not None and photo.sharpness < SOFT]
    small = [photo for photo in photos if photo.box and photo.box[2] - photo.box[0] < SMALL]
    found = [_about("blur", SHARPER, soft), _about("small", NEARER, small)]
    found += [Advice(code, str(sentence)) for code, sentence in checks.readiness(photos).missing]
    if not any(each and each.code == "photos" for each in found) and len(photos) < GOOD:
        found.append(Advice("more", str(MORE % {"n": min(GOOD, MOST) - len(photos)})))
    return [each for each in found if each] or [Advice("varied", str(NOTHING))]


def _about(code: str, sentence: Any, photos: list[Photo]) -> Advice | None:
    return Advice(code, str(sentence % {"n": len(photos)}), tuple(photos)) if photos else None
