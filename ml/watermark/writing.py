"""Writes the mark: as quietly as it can be read after cropping, halving and JPEG."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.watermark.pattern import (
    SHAPE,
    SMALLEST,
    TILES,
    Floats,
    Picture,
    alphabet,
    draw,
    grey_of,
    letters_of,
    shrunk,
    to_waves,
)
from ml.watermark.reading import READ_AT, clearness, evened, evidence, locate

LOUDNESS = tuple(range(50, 40, -1))  # dB PSNR
CLIP = 45.0  # dB PSNR: the quietest mark in a clip
MARGIN = 2.5  # standard deviations by which each right letter must exceed all others in the worn picture
SYNC_MARGIN = 6.5  # least clearness of the sync waves in the worn picture, in standard deviations
HALF = 512  # pixels: larger halves are not needed to choose the loudness
CUT = 0.1  # of each side, in the worn picture


def embed(picture: Picture, ident: int) -> Picture:
    """The picture (H, W, 3) RGB uint8 with the mark `ident` (0..2^32-1), at 41 to 50 dB PSNR.

    Uses the lowest loudness that can be read after cropping 10 % of each side, halving and JPEG 70. Raises
    ValueError for another number, another kind of array, or a side under 192 px (twice the smallest readable
    side).
    """
    return _added(picture, _levels(picture, ident))


def embed_frames(frames: Iterable[Picture], ident: int) -> Iterator[Picture]:
    """The frames of a clip, each with the same mark at the same place: it does not flicker, and what H.264
    takes out of one frame is left in others. Made for the first frame, at most CLIP dB below its range.
    ValueError like `embed`."""
    levels = None
    for frame in frames:
        if levels is None:
            levels = _levels(frame, ident, least=255 / 10 ** (CLIP / 20))
        yield _added(frame, levels)


def _added(picture: Picture, levels: NDArray[np.int16]) -> Picture:
    return np.asarray(cv2.add(picture, levels, dtype=cv2.CV_8U), np.uint8)


def _levels(picture: Picture, ident: int, least: float = 0.0) -> NDArray[np.int16]:
    """What is added to the picture, at an RMS of at least so many grey levels."""
    if not 0 <= ident < 2**32:
        raise ValueError("ident must fit in 32 bits")
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError("picture must be (H, W, 3) uint8")
    if min(picture.shape[:2]) < 2 * SMALLEST:
        raise ValueError(f"picture must be at least {2 * SMALLEST} px a side")
    letters = letters_of(ident)
    grey = grey_of(shrunk(picture, min(HALF, min(picture.shape[:2]) // 2)))
    mark = _mark(grey, letters)
    rms = max(least, _quietest(grey, mark, letters))
    size = picture.shape[1], picture.shape[0]
    large = rms * _normal(np.asarray(cv2.resize(mark, size, interpolation=cv2.INTER_CUBIC), np.float32))
    return np.asarray(cv2.merge([np.rint(large).astype(np.int16)] * 3), np.int16)


def _normal(mark: Floats) -> Floats:
    """The mark at an RMS of 1."""
    return np.asarray(mark / np.sqrt(np.mean(np.square(mark))), np.float32)


def _mark(grey: Picture, letters: list[int]) -> Floats:
    """(h, w): the letters' waves and those of every mark, louder in texture."""
    flat = np.zeros(SHAPE[0] * SHAPE[1], np.complex64)
    flat[alphabet().sync] = alphabet().sync_signs
    flat[alphabet().letters] = to_waves(alphabet().signs[letters])
    height, width = grey.shape
    return _normal(draw(flat.reshape(SHAPE), height, width, min(grey.shape) / TILES) * _masking(grey))


def _masking(picture: Picture) -> Floats:
    """(h, w): 1 where the picture is smooth, up to 3 where texture hides a louder mark."""
    grey = picture.astype(np.float32)
    side = max(3, max(grey.shape) // 48 | 1)
    mean = cv2.blur(grey, (side, side))
    deviation = np.sqrt(np.maximum(cv2.blur(grey * grey, (side, side)) - mean * mean, 0))
    return np.asarray(cv2.blur(np.clip(1 + deviation / 6, 1, 3), (side, side)), np.float32)


def _quietest(grey: Picture, mark: Floats, letters: list[int]) -> float:
    """The RMS in grey levels of the quietest loudness that can be read after wear, else of the loudest."""
    levels = [255 / 10 ** (loudness / 20) for loudness in LOUDNESS]
    return levels[bisect_left(levels[:-1], True, key=lambda rms: _is_read(grey, rms * mark, letters))]


def _is_read(grey: Picture, mark: Floats, letters: list[int]) -> bool:
    worn = _worn(grey, mark)
    small = shrunk(worn, READ_AT)
    period = min(small.shape) * min(grey.shape) / min(worn.shape) / TILES
    found = evidence(evened(small), (period, period))
    others = clearness(found, (0.0, 0.0))
    right = others[range(len(letters)), letters].copy()
    others[range(len(letters)), letters] = -np.inf
    sync, _ = locate(found, 128)
    return bool((right - others.max(axis=1)).min() >= MARGIN and sync >= SYNC_MARGIN)


def _worn(grey: Picture, mark: Floats) -> Picture:
    """The half picture with the mark, cropped and saved as JPEG 70."""
    marked = cv2.add(grey, np.rint(mark).astype(np.int16), dtype=cv2.CV_8U)
    top, left = (round(CUT * side) for side in grey.shape)
    part = np.ascontiguousarray(marked[top : grey.shape[0] - top, left : grey.shape[1] - left])
    _, data = cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, 70])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
