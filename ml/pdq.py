"""PDQ, the perceptual hash of pictures that lists of known pictures are exchanged in (256 bits). Torch-free.

Written after "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm" (Facebook, 2019) and
its reference code (ThreatExchange, BSD): luma, two box filters, 64 x 64 samples, the lowest 16 x 16
frequencies, and which of them are above their median. On the same
pixels ours gives the reference's hash bit for bit (88 photos; tests/ml/test_pdq.py).

A hash survives JPEG, blur and scaling, but no crop and no mirror. So a picture has several hashes: of the
whole and of its middle (`forms`), and a search also asks for the mirrored ones. The faces in it have hashes
of their own (`face_forms`), which also find copies that were cropped on one side, or by more.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from ml.types import Face

SAME = 31  # bits of 256 by which two hashes of one picture may differ: PDQ's own recommendation
LEAST_QUALITY = 50  # 0..100: below it a picture is too plain to be told from others
LONGEST = 512  # px of the long side that is hashed; a larger one is made smaller first, as by the reference
GRID, LOW = 64, 16  # samples a side; frequencies a side
# Shares that are cut off each side of the picture. A copy that was cropped by a share between two of these
# is found by the crops of the copy against the crops of the original.
CROPS = (0.0, 0.02, 0.05, 0.075, 0.1)
# A face's crop: where its five points come to lie (see Face), as shares of its side. The detector is not
# exact to a pixel, so a search also asks for crops that are moved and scaled by these shares.
POINTS = np.array([[0.364, 0.409], [0.636, 0.409], [0.5, 0.545], [0.391, 0.682], [0.609, 0.682]])
MOVED = ((0, 0, 1), (0.025, 0, 1), (-0.025, 0, 1), (0, 0.025, 1), (0, -0.025, 1), (0, 0, 0.95), (0, 0, 1.05))
FACE_SIDE = 256  # px
WORDS, BITS = 16, 16  # a hash is 16 words of 16 bits; see gallery.moderated for how it is looked up


def _dct() -> np.ndarray:
    """(LOW, GRID): rows 1 to 16 of the orthonormal DCT-II of 64 samples."""
    k, n = np.ogrid[1 : LOW + 1, :GRID]
    return np.sqrt(2 / GRID) * np.cos(np.pi / (2 * GRID) * k * (2 * n + 1))


DCT = _dct().astype(np.float32)


class Form(NamedTuple):
    """The hash of a picture or of its middle (0 <= bits < 2**256), that of its mirror image, and how much
    there is to see, 0..100."""

    bits: int
    mirrored: int
    quality: int


def forms(picture: np.ndarray) -> list[Form]:
    """Of the whole picture, (H, W, 3) uint8, then of its middles. Those that are too plain are left out."""
    return [form for form in map(_form, _cut(_luma(_enlarged(picture)))) if form.quality >= LEAST_QUALITY]


def middles(picture: np.ndarray) -> list[tuple[np.ndarray, Form]]:
    """The luma of the whole picture and of its middles, each with its form."""
    return [(luma, _form(luma)) for luma in _cut(_luma(_enlarged(picture)))]


def face_forms(picture: np.ndarray, face: Face) -> list[Form]:
    """Of the face's crop in (H, W, 3) uint8, first as it is, then moved a little. [] where it is plain."""
    made = [_form(_luma(_enlarged(_face(picture, face, *moved)))) for moved in MOVED]
    return made if made[0].quality >= LEAST_QUALITY else []


def _face(picture: np.ndarray, face: Face, right: float, down: float, scale: float) -> np.ndarray:
    """(FACE_SIDE, FACE_SIDE, 3): the face upright, at the same place whatever was cut off around it."""
    to = ((POINTS - 0.5 - (right, down)) / scale + 0.5) * FACE_SIDE
    rows = [([x, -y, 1, 0], [y, x, 0, 1]) for x, y in face.points]
    (a, b, x, y), *_ = np.linalg.lstsq(np.array(rows, float).reshape(-1, 4), to.ravel(), rcond=None)
    size, matrix = (FACE_SIDE, FACE_SIDE), np.array([[a, -b, x], [b, a, y]])
    return cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)


def hash_of(picture: np.ndarray) -> tuple[int, int]:
    """The PDQ hash of (H, W, 3) uint8 RGB, and its quality."""
    form = _form(_luma(picture))
    return form.bits, form.quality


def hexadecimal(bits: int) -> str:
    """64 digits, as lists of hashes have them."""
    return f"{bits:064x}"


def words(bits: int) -> list[int]:
    """Its 16 words of 16 bits."""
    return [bits >> BITS * place & (1 << BITS) - 1 for place in range(WORDS)]


# Of two hashes that differ by at most 31 bits, one of the 16 words differs by at most one bit.
NEAR_WORD = (0, *(1 << bit for bit in range(BITS)))


def apart(a: int, b: int) -> int:
    """Hamming distance of two hashes, 0..256."""
    return (a ^ b).bit_count()


def _enlarged(picture: np.ndarray) -> np.ndarray:
    """At least LONGEST px, as the 64 samples of a small picture depend on its size: hashes of drawn pictures
    at 384 px and of their halves differ by up to 36 bits, and by 2 when both are enlarged first."""
    share = LONGEST / max(picture.shape[:2])
    if share <= 1:
        return picture
    return cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_LINEAR)


def _luma(picture: np.ndarray) -> np.ndarray:
    """(H, W) float32, 0..255, its long side at most LONGEST."""
    height, width = picture.shape[:2]
    share = LONGEST / max(height, width)
    if share < 1:
        size = max(1, round(width * share)), max(1, round(height * share))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    weights = np.array([[0.299, 0.587, 0.114]], np.float32)
    return cv2.transform(picture.astype(np.float32), weights)


def _cut(luma: np.ndarray) -> list[np.ndarray]:
    height, width = luma.shape
    cuts = [(round(height * share), round(width * share)) for share in CROPS]
    return [luma[y : height - y, x : width - x] for y, x in cuts]


def _transform(luma: np.ndarray) -> tuple[np.ndarray, int]:
    """The (16, 16) lowest frequencies, and the quality."""
    grid = _samples(luma)
    return DCT @ grid @ DCT.T, _quality(grid)


def _samples(luma: np.ndarray) -> np.ndarray:
    """(GRID, GRID): two passes of a box filter of half a sample's width, then every so manieth pixel."""
    for _pass in range(2):
        luma = _blurred(luma)
    rows, columns = (((np.arange(GRID) + 0.5) * side / GRID).astype(int) for side in luma.shape)
    return luma[np.ix_(rows, columns)]


def _blurred(luma: np.ndarray) -> np.ndarray:
    """The mean of a window, which is smaller at the edges."""
    return _sums(luma) / _counts(*luma.shape)


@lru_cache(maxsize=16)  # of pictures of one shape: their whole and their middles
def _counts(height: int, width: int) -> np.ndarray:
    """How many pixels each window has."""
    return _sums(np.ones((height, width), np.float32))


def _sums(luma: np.ndarray) -> np.ndarray:
    height, width = (_window(side) for side in luma.shape)
    before = tuple(window - (window + 2) // 2 for window in (width, height))
    return cv2.boxFilter(
        luma, cv2.CV_32F, (width, height), anchor=before, normalize=False, borderType=cv2.BORDER_CONSTANT
    )


def _window(side: int) -> int:
    return (side + 2 * GRID - 1) // (2 * GRID)


def _quality(grid: np.ndarray) -> int:
    """How much neighbouring samples differ, 0..100."""
    steps = [np.abs(np.trunc(np.diff(grid, axis=axis) * 100 / 255)).sum() for axis in (0, 1)]
    return min(100, int(sum(steps) / 90))


def _form(luma: np.ndarray) -> Form:
    low, quality = _transform(luma)
    # Turning the signs of `low` would be quicker, but the samples do not lie symmetrically: some mirrored
    # pictures are then missed.
    mirrored, _same = _transform(np.ascontiguousarray(luma[:, ::-1]))
    return Form(_bits(low), _bits(mirrored), quality)


def _bits(low: np.ndarray) -> int:
    # The reference takes the lower of the two middle values.
    above = (low > np.partition(low.ravel(), 127)[127]).ravel()
    return sum(1 << int(place) for place in np.flatnonzero(above))
