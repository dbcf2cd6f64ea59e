"""Reads the mark: whole, cropped, mirrored or stretched pictures, of any size.

The reader weights the picture by its texture: on a smooth wall the mark is far above the picture's own
detail, in hair it is far below. Then, at one scale after another, the waves that are the same in every mark
give the position. The letters are read at the best places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ml.watermark import first
from ml.watermark.pattern import (
    HIGHEST,
    LOWEST,
    SHAPE,
    SMALLEST,
    TILES,
    Floats,
    Picture,
    Waves,
    alphabet,
    grey_of,
    number_of,
    shrunk,
    spectrum,
)

READ_AT = 256  # pixels of the short side
LONGEST = 3  # times the short side
FINEST = 0.45  # periods per pixel: finer waves are not in the picture
ROUNDING = 0.6  # grey levels: what 8 bits and JPEG add to a smooth place
LOUDEST = 3.0  # times the usual; more is an edge of the picture, not the mark
FAINTEST = 4.2  # least mean of the letters' best correlations; unmarked pictures: 3.6

STEP = 1.005  # between two scales: a sixth of the finest wave at the edge of the picture
SCALES = tuple(0.6 * STEP**i for i in range(210))  # the mark's short side / the file's: borders .. crops
STRETCHES = tuple(1.01**i for i in range(-80, 81))
CANDIDATES = 4  # places at which letters are read, for each kind of search
CROPPED = 1.02  # scales above are crops; below, rounded sizes


@dataclass(frozen=True)
class Place:
    """Where the mark is. `period`: of the tile (y, x), in pixels of the shrunk picture. `shift`: of the tile
    (y, x), in tiles. `score`: clearness of the sync waves in standard deviations."""

    period: tuple[float, float]
    shift: tuple[float, float] = (0.0, 0.0)
    score: float = 0.0
    scale: float = 1.0
    mirrored: bool = False


@dataclass(frozen=True)
class Mark:
    """`ident`: the number. `version`: 1 or 2. `scale`: the marked picture's short side divided by this
    file's; above 1 the file is a part of the picture. `strength`: mean of the letters' correlations."""

    ident: int
    version: int = 2
    strength: float = 0.0
    scale: float = 1.0
    mirrored: bool = False

    @property
    def cropped(self) -> bool:
        return self.scale > CROPPED


def read(picture: Picture) -> int | None:
    """The mark's number in a picture (H, W, 3) RGB uint8; None without a readable mark."""
    mark = find(picture)
    return mark.ident if mark else None


def read_whole(picture: Picture) -> int | None:
    """The number in a picture that was neither cropped nor stretched since it was marked: at once, where
    `read` searches for seconds before it says None."""
    field = evened(grey_of(shrunk(picture, READ_AT)))
    mark = _decode(field, Place(_square(field, 1.0)))
    return mark.ident if mark else None


def find(picture: Picture) -> Mark | None:
    """The mark in a picture (H, W, 3) RGB uint8 of any size."""
    if min(picture.shape[:2]) < SMALLEST:
        return None
    field = evened(grey_of(shrunk(picture, READ_AT)))
    return (
        _decode(field, Place(_square(field, 1.0)))
        or _search(field)
        or _search_stretched(field)
        or _find_first(picture)
    )


def find_in_frames(frames: Iterable[Picture]) -> Mark | None:
    """The mark in a clip, of some of its frames (H, W, 3) RGB uint8, all of one size. The mark stands still
    in it, so it is read from the mean of the frames."""
    total, count = None, 0
    for frame in frames:
        if min(frame.shape[:2]) < SMALLEST:
            return None
        field = evened(grey_of(shrunk(frame, READ_AT)))
        total, count = field if total is None else total + field, count + 1
    if total is None:
        return None
    mean = np.asarray(total / np.float32(count), np.float32)
    return _decode(mean, Place(_square(mean, 1.0))) or _search(mean) or _search_stretched(mean)


def _find_first(picture: Picture) -> Mark | None:
    ident = first.read(picture)
    return None if ident is None else Mark(ident, version=1)


def evened(picture: Picture) -> Floats:
    """(h, w) grey: without what is coarser than the mark, and divided by the local deviation. Of a long strip
    only the middle is read."""
    short = min(picture.shape)
    top, left = (max(0, side - LONGEST * short) // 2 for side in picture.shape)
    grey = picture[top : top + LONGEST * short, left : left + LONGEST * short].astype(np.float32)
    fine = grey - cv2.GaussianBlur(grey, (0, 0), short / (4 * TILES * LOWEST))
    side = max(3, short // 24 | 1)
    deviation = np.sqrt(np.maximum(cv2.blur(fine * fine, (side, side)), 0)) + np.float32(ROUNDING)
    return np.asarray(np.clip(fine / deviation, -LOUDEST, LOUDEST), np.float32)


def evidence(field: Floats, period: tuple[float, float]) -> Waves:
    """The spectrum, divided by the usual magnitude around each wave; 0 for waves too fine for the picture."""
    waves = spectrum(field, period)
    size = np.abs(waves)
    around = cv2.blur(np.concatenate([size[::-1, :0:-1], size], axis=1), (7, 7))[:, HIGHEST:]
    around = np.maximum(np.maximum(around, size / LOUDEST), np.float32(1e-6))
    ky, kx = np.ogrid[-HIGHEST : HIGHEST + 1, 0 : HIGHEST + 1]
    present = (np.abs(ky) < FINEST * period[0]) & (kx < FINEST * period[1])
    return np.asarray(waves / around * present, np.complex64)


def _square(field: Floats, scale: float) -> tuple[float, float]:
    period = scale * min(field.shape) / TILES
    return period, period


@cache
def _sync() -> Waves:
    """The conjugate of the waves that are the same in every mark, 0 elsewhere."""
    flat = np.zeros(SHAPE[0] * SHAPE[1], np.complex64)
    flat[alphabet().sync] = alphabet().sync_signs.conj()
    return flat.reshape(SHAPE)


def locate(found: Waves, grid: int) -> tuple[float, tuple[float, float]]:
    """(clearness of the sync waves in standard deviations, shift in tiles) at the best of grid^2 shifts."""
    match = found * _sync()
    padded = np.zeros((grid, grid // 2 + 1), np.complex64)
    padded[: HIGHEST + 1, : HIGHEST + 1] = match[HIGHEST:]
    padded[-HIGHEST:, : HIGHEST + 1] = match[:HIGHEST]
    scores = np.fft.irfft2(padded, s=(grid, grid))
    y, x = divmod(int(scores.argmax()), grid)
    noise = np.sqrt(2 * np.sum(np.abs(match) ** 2)) + 1e-9
    return float(scores[y, x]) * grid * grid / noise, (y / grid, x / grid)


def _search(field: Floats) -> Mark | None:
    """Scales and crops, also mirrored; the best candidates first."""
    places = [_places(field, scale, 128) for scale in SCALES]
    for side in (0, 1):
        for rough in _best([both[side] for both in places]):
            near = [_places(field, rough.scale * (1 + i / 800), 256)[side] for i in (-2, -1, 0, 1, 2)]
            if mark := _decode(field, max(near, key=lambda place: place.score)):
                return mark
    return None


def _places(field: Floats, scale: float, grid: int) -> tuple[Place, Place]:
    """The best place at this scale, as it is and mirrored."""
    period = _square(field, scale)
    found = evidence(field, period)
    score, shift = locate(found, grid)
    other_score, other_shift = locate(_mirrored(found), grid)
    return (Place(period, shift, score, scale), Place(period, other_shift, other_score, scale, mirrored=True))


def _mirrored(found: Waves) -> Waves:
    """The spectrum of the picture mirrored left to right."""
    return found[::-1].conj()


def _best(places: list[Place]) -> Iterator[Place]:
    """The best candidates. Of neighbouring scales only the best counts."""
    padded = [-1.0, *(place.score for place in places), -1.0]
    peaks = [
        place for place, before, after in zip(places, padded, padded[2:]) if place.score >= max(before, after)
    ]
    yield from sorted(peaks, key=lambda place: -place.score)[:CANDIDATES]


def _search_stretched(field: Floats) -> Mark | None:
    """Whole pictures whose sides were scaled differently. The picture's aspect before is unknown."""
    height, width = field.shape
    places = []
    for stretch in STRETCHES:
        old_width = width * stretch  # in units in which the height is unchanged
        short = min(height, old_width) / TILES
        places.append(_unshifted(field, (short, short / stretch)))
    for place in _best(places):
        if mark := _decode(field, place):
            return mark
    return None


def _unshifted(field: Floats, period: tuple[float, float]) -> Place:
    match = evidence(field, period) * _sync()
    score = float(match.real.sum() / np.sqrt(np.sum(np.abs(match) ** 2) / 2 + 1e-9))
    return Place(period, (0.0, 0.0), score)


def clearness(found: Waves, shift: tuple[float, float]) -> Floats:
    """The correlations (G, 4096) of each letter's patterns, in standard deviations."""
    ky, kx = np.ogrid[-HIGHEST : HIGHEST + 1, 0 : HIGHEST + 1]
    turned = found * np.exp(2j * np.pi * (ky * shift[0] + kx * shift[1]))
    waves = turned.ravel()[alphabet().letters]
    parts = np.stack([waves.real, waves.imag], axis=2).reshape(len(waves), -1).astype(np.float32)
    parts /= np.maximum(np.linalg.norm(parts, axis=1, keepdims=True), np.float32(1e-9))
    return np.asarray(parts @ alphabet().signs.T, np.float32)


def _decode(field: Floats, place: Place) -> Mark | None:
    waves = evidence(field, place.period)
    found = clearness(_mirrored(waves) if place.mirrored else waves, place.shift)
    strength = float(found.max(axis=1).mean())
    ident = number_of(found.argmax(axis=1))
    if ident is None or strength < FAINTEST:
        return None
    return Mark(ident, strength=strength, scale=place.scale, mirrored=place.mirrored)
