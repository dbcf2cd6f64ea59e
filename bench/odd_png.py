"""Writes PNG files with any chunks, for tests and bench.hostile."""

from __future__ import annotations

import struct
import zlib

import numpy as np

CODES = {1: 0, 2: 4, 3: 2, 4: 6}  # colour type by samples
Chunks = list[tuple[bytes, bytes]]


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(values: np.ndarray, chunks: Chunks | None = None, after: Chunks | None = None) -> bytes:
    """(H, W, samples) uint8 or uint16; `chunks` come before the picture and `after` behind it."""
    height, width, samples = values.shape
    bits = values.dtype.itemsize * 8
    rows = values.astype(values.dtype.newbyteorder(">")).view(np.uint8).reshape(height, -1)
    packed = zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes(), 1)
    head = struct.pack(">IIBBBBB", width, height, bits, CODES[samples], 0, 0, 0)
    whole = [(b"IHDR", head), *(chunks or []), (b"IDAT", packed), *(after or []), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in whole)


def iccp(profile: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"a profile\0\0" + zlib.compress(profile)


def gama(exponent: float) -> tuple[bytes, bytes]:
    """`exponent`: of the encoding, 1/2.2 for gamma 2.2."""
    return b"gAMA", struct.pack(">I", round(exponent * 100_000))


def chrm(primaries: tuple[tuple[float, float], ...]) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for xy in primaries for value in xy))


def cicp(primaries: int, transfer: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes((primaries, transfer, 0, 1))
