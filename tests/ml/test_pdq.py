"""PDQ gives the reference's hashes, and finds copies."""

from __future__ import annotations

import numpy as np
import pytest

from ml import overlay, pdq
from tests.moderation.pictures import COPIES, drawn

# By pdqhash 0.2.8 (the reference's C++ code), of `waves` at these sizes.
KNOWN = {
    (200, 300): ("e09aa9b6feeaa9b60098abbeaa9a01b5aa9aabbf009901b6009b01b7ff65fe48", 100),
    (512, 512): ("e89aabb6f09aabb68098abbeaa9a01b5aa9aabbf009901b6009b01b7ff65fe48", 100),
    (64, 64): ("f898e1b6f09881b65490abbefe9a01b5a89aabbf009b01b6809a01b7ff67fe48", 100),
    (130, 77): ("ec9aa9b6e89aa9b6a89aabbeaa9a01b4aa9aabbf009101b6009b01b7ff65fe48", 100),
}


def waves(height: int, width: int) -> np.ndarray:
    """(H, W, 3) uint8: three sums of sines."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    layers = [np.sin(9 * x * k + 7 * y + k) + np.sin(11 * y * k - 3 * x) for k in (1, 2, 3)]
    return (128 + 60 * np.stack(layers, axis=2)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", KNOWN)
def test_a_hash_is_that_of_the_reference(size: tuple[int, int]) -> None:
    bits, quality = pdq.hash_of(waves(*size))
    assert (pdq.hexadecimal(bits), quality) == KNOWN[size]


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_found_and_confirmed(name: str) -> None:
    picture = drawn(1, 768)
    copy = np.ascontiguousarray(COPIES[name](picture))
    ours = [form.bits for form in pdq.forms(picture)]
    asked = [bits for form in pdq.forms(copy) for bits in (form.bits, form.mirrored)]
    assert min(pdq.apart(a, b) for a in ours for b in asked) <= pdq.SAME
    assert overlay.agreement(copy, picture) >= overlay.COPY


def test_another_picture_does_not_agree() -> None:
    assert overlay.agreement(drawn(1), drawn(2)) < overlay.COPY


def test_a_plain_picture_has_no_hash() -> None:
    assert pdq.forms(np.full((100, 100, 3), 90, np.uint8)) == []


def test_near_words_are_enough() -> None:
    """Of two hashes that differ by 31 bits, one of the 16 words differs by at most one bit."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        places = rng.choice(256, pdq.SAME, replace=False)
        a, b = 0, sum(1 << int(place) for place in places)
        pairs = zip(pdq.words(a), pdq.words(b))
        assert any(x ^ y in pdq.NEAR_WORD for x, y in pairs)
