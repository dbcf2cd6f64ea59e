"""Directories of TIFF, which EXIF uses too: the fields of a picture, and the links between directories."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import NamedTuple

WIDTH, HEIGHT, SUB_IFDS = 256, 257, 330
# Bytes and struct's letter of each type of a field; 1, 3, 4, 13, 16 and 18 are whole numbers.
SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
LETTERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
MOST_DIRECTORIES, MOST_FIELDS, MOST_SUBS = 64, 1000, 16


class Broken(Exception):
    """The bytes do not hold what the file says they hold."""


class Directory(NamedTuple):
    """`fields`: type, count and bytes by tag; None instead of bytes that lie outside of the file.

    The bytes are views of the file: a hostile one may name all of it in each of a thousand fields.
    """

    order: str  # struct's: "<" or ">"
    fields: dict[int, tuple[int, int, memoryview | None]]

    def numbers(self, tag: int, most: int = 2**32) -> tuple[int, ...]:
        """The first `most` whole numbers; () without the field or with another type. Raises Broken."""
        kind, count, raw = self.fields.get(tag, (1, 0, memoryview(b"")))
        if kind not in LETTERS:
            return ()
        if raw is None:
            raise Broken
        return struct.unpack_from(f"{self.order}{min(count, most)}{LETTERS[kind]}", raw)

    def number(self, tag: int, default: int = 0) -> int:
        return (*self.numbers(tag, 1), default)[0]

    @property
    def size(self) -> tuple[int, int]:
        return self.number(WIDTH), self.number(HEIGHT)


def directories(data: bytes, order: str) -> tuple[list[Directory], list[Directory]]:
    """The chain of directories, and the SubIFDs of its members. A broken link ends the chain."""
    large = data[2:4] in (b"+\0", b"\0+")
    start = struct.unpack_from(order + ("Q" if large else "I"), data, 8 if large else 4)[0]
    first, following = directory(data, start, order, large)
    chain, subs, seen = [first], [], {start}
    while following and following not in seen and len(chain) < MOST_DIRECTORIES:
        seen.add(following)
        try:
            another, following = directory(data, following, order, large)
        except (Broken, struct.error):
            break
        chain.append(another)
    for one in chain[:MOST_SUBS]:
        subs += sub_directories(data, one, large)
    return chain, subs


def sub_directories(data: bytes, parent: Directory, large: bool) -> list[Directory]:
    """Those before the first broken one: they only tell what kind of file it is."""
    found = []
    with suppress(Broken, struct.error):
        for start in parent.numbers(SUB_IFDS, MOST_SUBS):
            found.append(directory(data, start, parent.order, large)[0])
    return found


def directory(data: bytes, start: int, order: str, large: bool) -> tuple[Directory, int]:
    """The directory at `start` and the link to the next. Raises Broken or struct.error."""
    count_letter, offset_letter, room = ("Q", "Q", 8) if large else ("H", "I", 4)
    if start >= len(data):
        raise Broken
    count = struct.unpack_from(order + count_letter, data, start)[0]
    if not 0 < count <= MOST_FIELDS:
        raise Broken
    at, found = start + struct.calcsize(order + count_letter), Directory(order, {})
    for _ in range(count):
        tag, kind, many = struct.unpack_from(order + "HH" + offset_letter, data, at)
        inline = at + 4 + room
        length = SIZES.get(kind, 1) * many
        where = inline if length <= room else struct.unpack_from(order + offset_letter, data, inline)[0]
        raw = memoryview(data)[where : where + length] if where + length <= len(data) else None
        found.fields.setdefault(tag, (kind, many, raw))
        at = inline + room
    link = data[at : at + room]  # writers of one page leave it out at the end of a file
    return found, int.from_bytes(link, "little" if order == "<" else "big") if len(link) == room else 0
