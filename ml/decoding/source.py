"""What the readers of the formats hand on: an opened picture and what the file says about it."""

from __future__ import annotations

import io
import struct
import zlib
from typing import NamedTuple

from PIL import Image

from ml.decoding.directories import Broken, Directory, directory

MAX_PROFILE = 16 * 1024 * 1024  # bytes; the largest profiles of printers have about 3 MB
ORIENTATION = 0x0112
EXIF_IFD, COLOR_SPACE, INTEROP_IFD, INTEROP_INDEX = 0x8769, 0xA001, 0xA005, 0x0001
UNCALIBRATED = 0xFFFF


class Refused(Exception):
    """args[0] is one of types.PHOTO_CODES."""


class Coding(NamedTuple):
    """Colours told by numbers instead of an ICC profile.

    `primaries`: CIE xy of white, red, green and blue. `curve`: "srgb", "pq", "hlg", or the exponent that
    makes light of a value (1.0 for linear light).
    """

    primaries: tuple[float, ...]
    curve: str | float


class Source(NamedTuple):
    """`picture`: opened, not decoded. `orientation`: as in EXIF, 1..8. `negative`: its white is zero."""

    picture: Image.Image
    profile: bytes | None = None
    coding: Coding | None = None
    orientation: int = 1
    negative: bool = False


def open_as(data: bytes, kind: str) -> Image.Image:
    """Reads the header; nothing is decompressed yet."""
    try:
        return Image.open(io.BytesIO(data), formats=[kind])
    except Image.DecompressionBombError:
        raise Refused("too_large") from None


def exif_of(block: bytes) -> tuple[int, bool]:
    """The orientation 1..8, and whether EXIF says Adobe RGB. A broken block, or none, says nothing.

    `block` begins with the TIFF header, after the six bytes of "Exif" where a format has them.
    """
    order = "<" if block[:2] == b"II" else ">"
    try:
        first = directory(block, struct.unpack_from(order + "I", block, 4)[0], order, False)[0]
        turn = first.number(ORIENTATION, 1)
    except (Broken, struct.error):
        return 1, False
    return (turn if turn in range(1, 9) else 1), _is_adobe_rgb(block, first)


def _is_adobe_rgb(block: bytes, first: Directory) -> bool:
    """DCF 2.0: ColorSpace "uncalibrated" with interoperability index R03. Some cameras write ColorSpace 2."""
    try:
        exif = directory(block, first.number(EXIF_IFD), first.order, False)[0]
        space = exif.number(COLOR_SPACE)
        if space != UNCALIBRATED:
            return space == 2
        interop = directory(block, exif.number(INTEROP_IFD), first.order, False)[0]
    except (Broken, struct.error):
        return False
    index = interop.fields.get(INTEROP_INDEX, (2, 0, None))[2]
    return bytes(index or b"")[:3] == b"R03"


def inflated(data: bytes, limit: int = MAX_PROFILE) -> bytes | None:
    """None if the data are no zlib stream or more than `limit` bytes come out."""
    try:
        engine = zlib.decompressobj()
        whole = engine.decompress(data, limit)
        return whole if engine.eof else None
    except zlib.error:
        return None
