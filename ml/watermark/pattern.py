"""The pattern of the mark, and the waves of a picture.

Legend: H W pixels; K the highest wave; G letters; m waves per letter, 2m signs (real and imaginary part). A
tile's side, its `period`, is half the picture's short side. Wave (ky, kx) has ky and kx periods per tile; its
phase is 0 at the picture's centre. A spectrum is (2K+1, K+1) complex: rows ky = -K..K, columns kx = 0..K.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Waves = NDArray[np.complex64]
Picture = NDArray[np.uint8]

TILES = 2  # per short side
LOWEST, HIGHEST = 9, 28  # waves per tile: the picture itself hides lower ones, JPEG destroys higher ones
SHAPE = (2 * HIGHEST + 1, HIGHEST + 1)
LETTERS, LETTER_BITS = 5, 12  # 60 bits: the number and 28 check bits
CHECK_BITS = LETTERS * LETTER_BITS - 32
SYNC = 0.2  # share of the waves that are the same in every mark
SMALLEST = 96  # pixels of the short side

# Never change the seed or its use: earlier marks could no longer be read.
SEED = b"photoflux watermark 2 "


@dataclass(frozen=True)
class Alphabet:
    sync: NDArray[np.intp]  # indices into a flat spectrum
    sync_signs: Waves  # (+-1 +-i) / sqrt 2
    letters: NDArray[np.intp]  # (G, m)
    signs: Floats  # (4096, 2m) of +-1


def _random_bytes(count: int, use: bytes) -> bytes:
    """From SHAKE-256: the streams of numpy's generators may change between versions."""
    return hashlib.shake_256(SEED + use).digest(count)


def _random_signs(rows: int, columns: int, use: bytes) -> Floats:
    bits = np.unpackbits(np.frombuffer(_random_bytes(-(-rows * columns // 8), use), np.uint8))
    return bits[: rows * columns].reshape(rows, columns).astype(np.float32) * 2 - 1


def to_waves(signs: Floats) -> Waves:
    """(..., 2m) signs -> (..., m) waves of magnitude 1."""
    return np.asarray((signs[..., 0::2] + 1j * signs[..., 1::2]) / np.sqrt(2), np.complex64)


@cache
def alphabet() -> Alphabet:
    """Which waves carry what. Waves with ky = 0 or kx = 0 are not used: edges and JPEG's blocks are strong
    there."""
    ky, kx = np.mgrid[-HIGHEST : HIGHEST + 1, 0 : HIGHEST + 1]
    radius = np.hypot(ky, kx)
    used = np.flatnonzero((radius >= LOWEST) & (radius < HIGHEST) & (ky != 0) & (kx != 0))
    keys = np.frombuffer(_random_bytes(4 * len(used), b"waves"), "<u4")
    used = used[keys.argsort(kind="stable")]
    synced = int(SYNC * len(used))
    m = (len(used) - synced) // LETTERS
    return Alphabet(
        used[:synced],
        to_waves(_random_signs(1, 2 * synced, b"sync")[0]),
        used[synced : synced + LETTERS * m].reshape(LETTERS, m),
        _random_signs(2**LETTER_BITS, 2 * m, b"signs"),
    )


def check_of(ident: int) -> int:
    return zlib.crc32(b"2" + ident.to_bytes(4, "big")) >> 32 - CHECK_BITS


def letters_of(ident: int) -> list[int]:
    word = ident << CHECK_BITS | check_of(ident)
    return [word >> LETTER_BITS * g & 2**LETTER_BITS - 1 for g in range(LETTERS)]


def number_of(letters: NDArray[np.intp]) -> int | None:
    """The number whose letters these are; None when the check bits are wrong."""
    word = sum(int(letter) << LETTER_BITS * g for g, letter in enumerate(letters))
    ident = word >> CHECK_BITS
    return ident if word & 2**CHECK_BITS - 1 == check_of(ident) else None


def phases(size: int, period: float) -> Waves:
    """Waves 0..K along a side of `size` pixels (K+1, size)."""
    x = (np.arange(size, dtype=np.float32) + 0.5 - size / 2) * (2 * np.pi / period)
    turns = np.exp(-1j * x.astype(np.float32)).astype(np.complex64)
    powers = np.empty((HIGHEST + 1, size), np.complex64)
    powers[0] = 1
    for k in range(1, HIGHEST + 1):
        powers[k] = powers[k - 1] * turns
    return powers


def spectrum(field: Floats, period: tuple[float, float]) -> Waves:
    """(H, W) -> the waves of a tile of `period` pixels (y, x)."""
    down, across = phases(field.shape[0], period[0]), phases(field.shape[1], period[1])
    top = down.real @ field + 1j * (down.imag @ field)  # field is real: two real products are faster
    rows = np.concatenate([top[:0:-1].conj(), top])
    return np.asarray(rows @ across.T, np.complex64)


def draw(waves: Waves, height: int, width: int, period: float) -> Floats:
    """A spectrum -> (H, W)."""
    down, across = phases(height, period), phases(width, period)
    rows = np.concatenate([down[:0:-1].conj(), down]).conj()
    half = rows.T @ waves  # (H, K+1)
    return np.asarray(half.real @ across.real + half.imag @ across.imag, np.float32)


def shrunk(picture: Picture, short: int) -> Picture:
    """The picture (H, W) or (H, W, 3) at a short side of at most `short` pixels."""
    height, width = picture.shape[:2]
    share = short / min(height, width)
    if share >= 1:
        return picture
    size = max(1, round(width * share)), max(1, round(height * share))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def grey_of(picture: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
