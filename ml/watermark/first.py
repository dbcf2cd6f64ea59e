"""Reads the mark that earlier versions of this package wrote.

It is spread over the cosines of the whole picture, in the brightness and in the two colour differences. A
cosine of k half-waves across the picture keeps its k half-waves when the picture is resized. The number and
its 16-bit CRC are four 12-bit letters. It does not survive cropping.

False alarms: for an unmarked picture each correlation is a sum of fixed random signs divided by its root of
squares, so it behaves like a normal variable. The mean of the four best of 4,096 reaches `FAINTEST` with a
probability of 1.4e-5 (by convolution), and then the CRC is right with 2^-16: together 2.1e-10 a picture.

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

FAINTEST = 4.5  # least mean of the letters' best correlations; unmarked pictures: 3.6, deviation 0.16

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
