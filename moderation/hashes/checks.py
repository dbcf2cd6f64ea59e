"""Whether a picture is on the list of blocked ones."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Q

from ml import pdq
from moderation.hashes.models import BlockedHash, by_index

# A list has hashes alone, so there are no pixels to compare. Mirrored and cropped copies must therefore be
# nearer than the whole picture: at 26 bits, one half profile of a person is the other one's mirror image.
CHANGED = 20
# What was taken down here is listed with its middles, and is near to its copies: at most 10 bits. More would
# refuse drawn people in the same pose.
OWN, OF_CASES = 12, "PF-"


class Found(NamedTuple):
    """`sure`: near enough to be the same picture. Otherwise a person must look."""

    entry: BlockedHash
    sure: bool


def find(forms: list[pdq.Form]) -> Found | None:
    """The entry of the list that the picture of these forms is a copy of, or may be a changed copy of."""
    with by_index():
        return _nearest(forms)


def _nearest(forms: list[pdq.Form]) -> Found | None:
    doubtful = None
    for number, form in enumerate(forms):
        for bits, limit in ((form.bits, CHANGED if number else pdq.SAME), (form.mirrored, CHANGED)):
            rows = BlockedHash.objects.near(bits, pdq.SAME)
            rows = rows.filter(Q(apart__lte=OWN) | ~Q(source__startswith=OF_CASES))
            entry = rows.order_by("apart").first()
            if entry and entry.apart <= limit:
                return Found(entry, True)
            doubtful = doubtful or entry
    return Found(doubtful, False) if doubtful else None


def prints_of(forms: list[pdq.Form]) -> bytes:
    """The hashes, 32 bytes each; b"" for a picture that is too plain to be known again."""
    return b"".join(form.bits.to_bytes(32, "big") for form in forms)


def bits_in(prints: bytes) -> list[int]:
    return [int.from_bytes(prints[at : at + 32], "big") for at in range(0, len(prints), 32)]
