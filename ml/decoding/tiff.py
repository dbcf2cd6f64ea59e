"""TIFF: chooses the picture among the directories and hands Pillow a file with that one directory alone.

The new directory holds what decoding needs, so that no other field can refuse the picture or change it. It is
always one of classic TIFF, whose offsets reach all of a file of 25 MB; Pillow misreads BigTIFF in order MM.
"""

from __future__ import annotations

import struct

from PIL import TiffImagePlugin

from ml.decoding.directories import HEIGHT, LETTERS, SUB_IFDS, WIDTH, Broken, Directory, directories
from ml.decoding.source import Refused, Source, open_as

TiffImagePlugin.READ_LIBTIFF = True  # Pillow's own reader takes bytes for values in planes of 16 bits

BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION = 258, 259, 262, 274
SAMPLES, PLANAR, EXTRA, FORMAT = 277, 284, 338, 339
SUBFILE, OLD_SUBFILE, MAKE, JPEG_STREAM, PROFILE = 254, 255, 271, 513, 34675
# What decoding needs besides: fill order, strips, T.4 and T.6 options, predictor, colour map, tiles, JPEG
# tables and the coding of YCbCr.
KEPT = (266, 273, 278, 279, 292, 293, 317, 320, 322, 323, 324, 325, 347, 529, 530, 531, 532)

RAW_PHOTOMETRICS = {32803, 34892}  # colour filter array, LinearRaw
# Of Sony, Epson, Samsung, Nikon, Kodak, Pentax and DNG.
RAW_COMPRESSIONS = {32767, 32769, 32770, 32772, 34713, 34892, 52546, 65000, 65535}
RAW_TAGS = {33421, 33422, 37393, 50706, 50752}  # CFA pattern, CR2's slices, DNG version
COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 50000}
BILEVEL, GREY, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
COLOURS = {GREY: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, LAB: 3}
DEPTHS = {GREY: {1, 2, 4, 8, 16}, RGB: {8, 16}, PALETTE: {1, 2, 4, 8}, CMYK: {8, 16}, YCBCR: {8}, LAB: {8}}
# Extra samples beside 8 bits: 0 is ignored, 1 is premultiplied alpha, 2 is alpha.
EXTRAS = {GREY: {0, 1, 2}, RGB: {0, 1, 2}, PALETTE: {0, 2}, CMYK: {0}}


def read(data: bytes) -> Source:
    order = "<" if data[:2] == b"II" else ">"
    try:
        chain, subs = directories(data, order)
        if any(is_raw(one) for one in (*chain, *subs)):
            raise Refused("unsupported_format")
        page = page_of(chain, has_more=bool(subs))
        check(page)
        alone = rewritten(data, page)
    except (Broken, struct.error):
        raise Refused("unreadable") from None
    profile = bytes(page.fields.get(PROFILE, (7, 0, None))[2] or b"")
    turn, negative = page.number(ORIENTATION, 1), page.number(PHOTOMETRIC, GREY) == BILEVEL
    return Source(open_as(alone, "TIFF"), profile, None, turn, negative)


def is_raw(one: Directory) -> bool:
    """What a camera's sensor saw, or a file that holds it: DNG, NEF, ARW, PEF, SRW, 3FR and others."""
    return (
        bool(RAW_TAGS & one.fields.keys())
        or one.number(PHOTOMETRIC) in RAW_PHOTOMETRICS
        or one.number(COMPRESSION) in RAW_COMPRESSIONS
    )


def page_of(chain: list[Directory], *, has_more: bool) -> Directory:
    """The one picture of the file. Thumbnails, masks and smaller copies are no pages. Raises Refused."""
    pages = [one for one in chain if not is_reduced(one)]
    largest = max(pages, key=area, default=None)
    pages = [one for one in pages if one is largest or largest is None or not is_copy(one, largest)]
    if len(pages) == 1:
        return pages[0]
    camera = has_more or MAKE in chain[0].fields or SUB_IFDS in chain[0].fields
    if pages or len(chain) > 1 or camera:  # a thumbnail first and the picture in a SubIFD: as raw files are
        raise Refused("unsupported_format")
    return chain[0]


def area(one: Directory) -> int:
    return one.size[0] * one.size[1]


def is_reduced(one: Directory) -> bool:
    """NewSubfileType with bit 0: a smaller copy; with bit 2: a mask. SubfileType 2: a smaller copy."""
    return bool(one.number(SUBFILE) & 0b101) or one.number(OLD_SUBFILE) == 2


def is_copy(one: Directory, of: Directory) -> bool:
    """Whether an unmarked directory is a thumbnail: as of EXIF, or of the same shape and half the size."""
    (width, height), (full_width, full_height) = one.size, of.size
    if JPEG_STREAM in one.fields and area(one) < area(of):
        return True
    is_alike = abs(width * full_height - height * full_width) <= max(full_width, full_height)
    return is_alike and 2 * width <= full_width and 2 * height <= full_height


def check(page: Directory) -> None:
    """Refuses what Pillow does not decode, or decodes wrongly. Raises Refused or Broken."""
    if 0 in page.size:
        raise Broken
    colours, depths, extras = layout(page)
    known = page.number(COMPRESSION, 1) in COMPRESSIONS and set(page.numbers(FORMAT)) <= {1, 4}
    fits = colours in COLOURS and len(set(depths)) == 1 and depths[0] in DEPTHS[colours]
    if not known or not fits or not extras_fit(page, colours, depths[0], extras):
        raise Refused("unsupported_format")


def layout(page: Directory) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Photometric interpretation with white as one, bits of each sample, extra samples."""
    samples = page.number(SAMPLES, 1)
    if not 0 < samples < 10:
        raise Refused("unsupported_format")
    colours = page.number(PHOTOMETRIC, RGB if samples > 2 else GREY) or GREY
    depths = page.numbers(BITS) or (1,)
    if len(depths) < samples:
        depths = depths[:1] * samples
    missing = samples - COLOURS.get(colours, samples) - len(page.numbers(EXTRA))
    # Writers that forget the field mean alpha by a fourth sample.
    forgotten = ((2,) if colours == RGB else (0,)) + (0,) * 10
    return colours, depths[:samples], page.numbers(EXTRA) + forgotten[: max(missing, 0)]


def extras_fit(page: Directory, colours: int, depth: int, extras: tuple[int, ...]) -> bool:
    samples, planes = page.number(SAMPLES, 1), page.number(PLANAR, 1) == 2
    if samples != COLOURS[colours] + len(extras):
        return False
    if not extras:
        return True
    if colours in (GREY, PALETTE) and any(extras):
        return depth == 8 and len(extras) == 1 and not planes and extras[0] in EXTRAS[colours]
    if not any(extras):
        return depth == 8 or planes or (colours, len(extras)) == (RGB, 1)
    return (
        set(extras[1:]) <= {0} and extras[0] in EXTRAS.get(colours, ()) and (depth == 8 or len(extras) == 1)
    )


def rewritten(data: bytes, page: Directory) -> bytes:
    """The file with a new directory at its end. Its header points there."""
    colours, depths, extras = layout(page)
    parts = {tag: copied(page, tag) for tag in KEPT if tag in page.fields}
    for tag, values in {
        WIDTH: page.size[:1],
        HEIGHT: page.size[1:],
        BITS: depths,
        COMPRESSION: (page.number(COMPRESSION, 1),),
        PHOTOMETRIC: (colours,),
        SAMPLES: (len(depths),),
        PLANAR: (page.number(PLANAR, 1),),
        EXTRA: extras,
    }.items():
        if values:
            parts[tag] = longs(page.order, tag, values)
    out = bytearray(data) + bytes(len(data) % 2)
    out[4:8] = struct.pack(page.order + "I", len(out))
    out[:4] = b"II*\0" if page.order == "<" else b"MM\0*"
    return bytes(out) + table(page.order, parts, len(out))


def copied(page: Directory, tag: int) -> tuple[int, int, bytes]:
    kind, count, raw = page.fields[tag]
    if raw is None:
        raise Broken
    if kind in (16, 18):
        return longs(page.order, tag, page.numbers(tag))
    return kind, count, bytes(raw)


def longs(order: str, tag: int, values: tuple[int, ...]) -> tuple[int, int, bytes]:
    """Sizes and offsets as LONG, all else as SHORT. Raises struct.error where a value does not fit."""
    kind = 4 if tag in (WIDTH, HEIGHT, 273, 278, 279, 322, 323, 324, 325) else 3
    return kind, len(values), struct.pack(f"{order}{len(values)}{LETTERS[kind]}", *values)


def table(order: str, parts: dict[int, tuple[int, int, bytes]], start: int) -> bytes:
    """The bytes of a directory at `start`, followed by the values that do not fit in it."""
    head, tail = struct.pack(order + "H", len(parts)), b""
    after = start + 2 + 12 * len(parts) + 4
    for tag, (kind, count, raw) in sorted(parts.items()):
        head += struct.pack(order + "HHI", tag, kind, count)
        if len(raw) <= 4:
            head += raw.ljust(4, b"\0")
        else:
            head += struct.pack(order + "I", after + len(tail))
            tail += raw + bytes(len(raw) % 2)
    return head + bytes(4) + tail
