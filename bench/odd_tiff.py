"""Writes TIFF files of every kind for tests and bench.hostile, byte by byte: no library writes odd ones."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

import numpy as np

Values = int | tuple[int, ...] | bytes
# The letter of struct and the number of each type of a field: byte, short, long.
TYPES = {"B": 1, "H": 3, "I": 4}
LONGS = {254, 256, 257, 273, 278, 279, 324, 325, 330, 34665}


@dataclass
class Tiff:
    """How `write` stores (H, W, samples) values. `tags` are added last and win over those of the layout."""

    big: bool = False  # byte order MM
    bigtiff: bool = False  # 64-bit offsets
    photometric: int = 2
    planar: int = 1
    tile: int = 0  # side of the tiles, a multiple of 16; 0: one strip
    compression: int = 1  # 1 none, 8 deflate
    predictor: int = 1
    tags: dict[int, Values] = field(default_factory=dict)

    @property
    def order(self) -> str:
        return ">" if self.big else "<"


def write(values: np.ndarray, how: Tiff) -> bytes:
    """A file of one directory; `values`: (H, W, samples) of any integer or float type."""
    return join([(values, how)])


def join(pages: list[tuple[np.ndarray, Tiff]], subs: list[tuple[np.ndarray, Tiff]] | None = None) -> bytes:
    """A file with a chain of directories; `subs` become SubIFDs of the first."""
    first = pages[0][1]
    body, at = bytearray(header(first)), []
    for values, how in subs or []:
        at.append(append(body, values, how)[0])
    slot = len(header(first)) - (8 if first.bigtiff else 4)
    for values, how in pages:
        extra = {330: tuple(at)} if at and values is pages[0][0] else {}
        start, following = append(body, values, Tiff(**{**vars(how), "tags": {**how.tags, **extra}}))
        struct.pack_into(first.order + ("Q" if first.bigtiff else "I"), body, slot, start)
        slot = following
    return bytes(body)


def header(how: Tiff) -> bytes:
    mark = b"MM" if how.big else b"II"
    if how.bigtiff:
        return mark + struct.pack(how.order + "HHHQ", 43, 8, 0, 0)
    return mark + struct.pack(how.order + "HI", 42, 0)


def append(body: bytearray, values: np.ndarray, how: Tiff) -> tuple[int, int]:
    """Adds the pixels and the directory; returns its offset and that of its link to the next."""
    height, width, samples = values.shape
    starts, sizes = [], []
    for part in blocks(values.astype(values.dtype.newbyteorder(how.order)), how):
        starts.append(len(body))
        sizes.append(len(part))
        body += part + bytes(len(part) % 2)
    tags: dict[int, Values] = {
        256: width,
        257: height,
        258: (values.dtype.itemsize * 8,) * samples,
        259: how.compression,
        262: how.photometric,
        277: samples,
        284: how.planar,
        **layout(how, height, tuple(starts), tuple(sizes)),
    }
    if how.predictor > 1:
        tags[317] = how.predictor
    return directory(body, {**tags, **how.tags}, how)


def layout(how: Tiff, height: int, starts: tuple[int, ...], sizes: tuple[int, ...]) -> dict[int, Values]:
    if how.tile:
        return {322: how.tile, 323: how.tile, 324: starts, 325: sizes}
    return {273: starts, 278: height, 279: sizes}


def blocks(values: np.ndarray, how: Tiff) -> list[bytes]:
    """Strips or tiles in file order, compressed."""
    samples = values.shape[2]
    planes = np.split(values, samples, axis=2) if how.planar == 2 else [values]
    parts = [part for plane in planes for part in (tiles(plane, how.tile) if how.tile else [plane])]
    return [packed(part, how) for part in parts]


def tiles(plane: np.ndarray, side: int) -> list[np.ndarray]:
    height, width, _ = plane.shape
    full = np.pad(plane, ((0, -height % side), (0, -width % side), (0, 0)), mode="edge")
    rows = range(0, full.shape[0], side)
    return [full[y : y + side, x : x + side] for y in rows for x in range(0, full.shape[1], side)]


def packed(part: np.ndarray, how: Tiff) -> bytes:
    if how.predictor == 2:  # differences of neighbours, modulo the type's range
        native = part.astype(part.dtype.newbyteorder("="))
        native[:, 1:] = native[:, 1:] - native[:, :-1]
        part = native.astype(part.dtype)
    raw = part.tobytes()
    return zlib.compress(raw, 1) if how.compression == 8 else raw


def directory(body: bytearray, tags: dict[int, Values], how: Tiff) -> tuple[int, int]:
    room, offset = (8, "Q") if how.bigtiff else (4, "I")
    entries = b""
    for tag, value in sorted(tags.items()):
        letter = "B" if isinstance(value, bytes) else "I" if tag in LONGS else "H"
        many = (value,) if isinstance(value, int) else tuple(value)
        raw = struct.pack(f"{how.order}{len(many)}{letter}", *many)
        if len(raw) > room:
            where, raw = len(body), raw + bytes(len(raw) % 2)
            body += raw
            raw = struct.pack(how.order + offset, where)
        head = struct.pack(how.order + "HH" + offset, tag, TYPES[letter], len(many))
        entries += head + raw.ljust(room, b"\0")
    start = len(body)
    body += struct.pack(how.order + ("Q" if how.bigtiff else "H"), len(tags)) + entries
    body += bytes(room)
    return start, len(body) - room
