"""An invisible watermark: a 32-bit number in a picture that survives re-saving and resizing.

Spread spectrum (Cox et al., 1997) on the cosines of the whole picture. A cosine of k half-waves across the
picture keeps its k half-waves when the picture is resized, so the reader does not need the original size.
The mark is in the brightness, and at lower frequencies and higher strength in the two colour differences,
where the eye does not see it.

The number and its 16-bit CRC are split into four 12-bit letters. Each letter selects one of 4,096 random sign
patterns, which is added to a quarter of the waves. The reader takes the pattern with the best correlation.
Such nearly orthogonal patterns need far less energy than single bits.

False positives: for an unmarked picture each correlation is a sum of fixed random signs divided by its root
of squares, so its tail is below exp(-z*z/2) for any picture (Hoeffding, 1963). In practice less than one
unmarked picture in a hundred exceeds `FAINTEST`, and one in 65,536 of those has a valid CRC.

The patterns are public, so anybody can remove or copy the mark. It is a trace, not a proof; the proof is the
signature in `provenance`. The mark does not survive cropping, rotating or mirroring.

Legend: H W pixels, C channels (Y Cr Cb), K waves along a side, G letters, n waves per letter.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import cache, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

LETTERS, LETTER_BITS = 4, 12  # 48 bits: the number and its CRC-16
WAVES = 96  # K
# Half-waves (from, below): the picture itself hides lower ones, halving and JPEG destroy higher ones.
BANDS = ((24, 96), (8, 32), (8, 32))
SMALLEST = WAVES  # pixels; a shorter side cannot hold the highest wave
READ_AT = 1024  # pixels; a longer side is shrunk before reading, only for speed

QUIET = (0.6, 0.5, 0.8)  # RMS grey levels on smooth areas at loudness 1: about 46 dB
STEPS = (0.8, 0.9, 1.0, 1.15, 1.3, 1.5)  # of loudness; the last is 41 dB or better
TARGET = 5.5  # least correlation of the weakest letter after halving and JPEG 70
FAINTEST = 4.2  # least mean of the letters' best correlations; unmarked pictures: 3.6, deviation 0.16

# Never change the seed or its use: earlier marks could no longer be read.
SEED = b"photoflux watermark 1"


@cache
def _alphabet() -> tuple[NDArray[np.intp], Floats]:
    """The waves of each letter (G, n), as indices into C*K*K, and the sign patterns (4096, n) of +-1.

    Random numbers are from SHAKE-256, because the streams of numpy's generators may change between versions.
    """
    k = np.arange(WAVES)
    radius = np.hypot(k[:, None], k[None, :])
    used = np.flatnonzero(np.stack([(radius >= low) & (radius < high) for low, high in BANDS]))
    n = len(used) // LETTERS // 8 * 8
    order = np.frombuffer(hashlib.shake_256(SEED + b" waves").digest(4 * len(used)), "<u4").argsort(
        kind="stable"
    )
    bits = np.frombuffer(hashlib.shake_256(SEED + b" signs").digest(2**LETTER_BITS * n // 8), np.uint8)
    signs = np.unpackbits(bits).reshape(-1, n).astype(np.float32) * 2 - 1
    return used[order[: LETTERS * n]].reshape(LETTERS, n), signs


@lru_cache(maxsize=32)
def _cosines(size: int) -> Floats:
    """The first K cosines over `size` samples (K, size), each of norm 1: the rows of the DCT-II."""
    k, x = np.arange(WAVES)[:, None], np.arange(size)[None, :]
    return (np.cos(np.pi * k * (x + 0.5) / size) * np.sqrt(2 / size)).astype(np.float32)


def _channels(picture: Picture) -> Floats:
    """RGB (H, W, 3) -> Y Cr Cb (C, H, W) in grey levels, Rec. 601 as in JPEG."""
    planes = cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_RGB2YCrCb)
    return np.ascontiguousarray(planes.transpose(2, 0, 1), dtype=np.float32)


def _analyse(planes: Floats) -> Floats:
    """(C, H, W) -> (C, K, K): each wave's RMS contribution in grey levels, independent of the size."""
    _, height, width = planes.shape
    amounts = _cosines(height) @ planes @ _cosines(width).T
    return np.asarray(amounts / np.sqrt(height * width), np.float32)


def _usual(amounts: Floats) -> Floats:
    """The mean amount of the neighbouring waves (C, K, K), plus the noise of rounding to 8 bits."""
    around = [cv2.blur(np.abs(plane), (7, 7)) for plane in amounts]
    return np.asarray(around, np.float32) + np.float32(0.004)


def _evidence(picture: Picture) -> Floats:
    """(H, W, 3) -> (G, n), norm 1 per letter: waves weighted by the inverse of the picture's variance."""
    amounts = _analyse(_channels(picture))
    usual = _usual(amounts)
    waves, _ = _alphabet()
    clean = (np.clip(amounts / usual, -3, 3) / usual).ravel()[waves]
    return clean / np.maximum(np.linalg.norm(clean, axis=1, keepdims=True), np.float32(1e-9))


def _crc(ident: int) -> int:
    return zlib.crc32(ident.to_bytes(4, "big")) >> 16


def _letters(ident: int) -> list[int]:
    word = ident << 16 | _crc(ident)
    return [word >> LETTER_BITS * g & 2**LETTER_BITS - 1 for g in range(LETTERS)]


def _masking(grey: Floats) -> Floats:
    """(H, W): 1 where the picture is smooth, up to 2 where texture hides a stronger mark."""
    side = max(3, max(grey.shape) // 48 | 1)
    mean = cv2.blur(grey, (side, side))
    deviation = np.sqrt(np.maximum(cv2.blur(grey * grey, (side, side)) - mean * mean, 0))
    return np.asarray(cv2.blur(np.clip(1 + deviation / 6, 1, 2), (side, side)), np.float32)


def _draw(pattern: Floats, planes: Floats) -> Floats:
    """Signs (G, n) -> the mark (H, W, 3) to add to the RGB picture, in grey levels, at loudness 1."""
    _, height, width = planes.shape
    waves, _ = _alphabet()
    amounts = np.zeros(len(BANDS) * WAVES * WAVES, np.float32)
    # Waves that are weak in the picture get more: the reader weights them most.
    amounts[waves] = pattern / np.sqrt(_usual(_analyse(planes)).ravel()[waves])
    mark = _cosines(height).T @ amounts.reshape(-1, WAVES, WAVES) @ _cosines(width)
    mark *= np.array(QUIET, np.float32)[:, None, None] / np.sqrt((mark**2).mean(axis=(1, 2), keepdims=True))
    y, cr, cb = mark[0] * _masking(planes[0]), mark[1], mark[2]
    return np.stack([y + 1.402 * cr, y - 0.714 * cr - 0.344 * cb, y + 1.772 * cb], axis=2)


def _worn(picture: Picture) -> Picture:
    """The picture at half the size and after JPEG at quality 70; the mark must survive this."""
    small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 70])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[:, :, ::-1]


def embed(picture: Picture, ident: int) -> Picture:
    """The picture (H, W, 3) RGB uint8 with the mark `ident` (0..2^32-1), at 41 to 47 dB PSNR.

    Uses the lowest of `STEPS` that can be read after halving and JPEG 70. Raises ValueError for another
    number, another kind of array, or a side under 192 px (twice the smallest readable side).
    """
    if not 0 <= ident < 2**32:
        raise ValueError("ident must fit in 32 bits")
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError("picture must be (H, W, 3) uint8")
    if min(picture.shape[:2]) < 2 * SMALLEST:
        raise ValueError(f"picture must be at least {2 * SMALLEST} px a side")
    pattern = _alphabet()[1][_letters(ident)]
    mark = _draw(pattern, _channels(picture))
    for loudness in STEPS:
        marked = np.clip(np.rint(picture + np.float32(loudness) * mark), 0, 255).astype(np.uint8)
        if (_evidence(_worn(marked)) * pattern).sum(axis=1).min() >= TARGET:
            break
    return marked


def read(picture: Picture) -> int | None:
    """The mark's number in a picture (H, W, 3) RGB uint8 of any size; None without a readable mark."""
    ident, strength = measure(picture)
    return ident if strength >= FAINTEST else None


def measure(picture: Picture) -> tuple[int | None, float]:
    """(the number if its CRC is valid, strength: the mean of the letters' best correlations)."""
    height, width = picture.shape[:2]
    if min(height, width) < SMALLEST:
        return None, 0.0
    if max(height, width) > READ_AT:
        share = READ_AT / max(height, width)
        size = max(SMALLEST, round(share * width)), max(SMALLEST, round(share * height))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    found = _evidence(picture) @ _alphabet()[1].T  # (G, 4096)
    word = sum(int(letter) << LETTER_BITS * g for g, letter in enumerate(found.argmax(axis=1)))
    ident = word >> 16
    return ident if word & 0xFFFF == _crc(ident) else None, float(found.max(axis=1).mean())
