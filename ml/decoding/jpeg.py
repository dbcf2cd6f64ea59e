"""JPEG: hands Pillow the picture alone. EXIF, XMP, comments and further pictures cannot refuse it."""

from __future__ import annotations

from collections.abc import Iterator

from ml.decoding import primaries
from ml.decoding.source import Refused, Source, exif_of, open_as

ICC, EXIF, JFIF, ADOBE = b"ICC_PROFILE\0", b"Exif\0\0", b"JFIF\0", b"Adobe"
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # the SOF markers
# Baseline, extended and progressive, with Huffman or arithmetic coding: what libjpeg decodes in 8 bits.
DECODED = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
LS_FRAME, SCAN, COMMENT = 0xF7, 0xDA, 0xFE
APPLICATION = range(0xE0, 0xF0)


def read(data: bytes) -> Source:
    kept, profile, exif = bytearray(data[:2]), [], b""
    for marker, body, whole in segments(data):
        if marker in FRAMES or marker == LS_FRAME:
            check_frame(marker, body)
        if body.startswith(ICC) and marker == 0xE2:
            profile.append(body[len(ICC) :])
        elif body.startswith(EXIF) and marker == 0xE1:
            exif = exif or body[len(EXIF) :]
        if is_needed(marker, body):
            kept += whole
    turn, adobe = exif_of(exif)
    icc = b"".join(part[2:] for part in sorted(profile, key=lambda part: part[:1]))
    coding = primaries.ADOBE_RGB if adobe and not icc else None
    return Source(open_as(bytes(kept), "JPEG"), icc or None, coding, turn)


def is_needed(marker: int, body: bytes) -> bool:
    if marker in APPLICATION:  # JFIF and Adobe tell how the colours are coded
        return body.startswith((JFIF, ADOBE))
    return marker != COMMENT


def segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Marker, body and all bytes of each segment; the last one is all from the first scan to the end."""
    at = 2
    while (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        marker = data[at + 1]
        if marker in (0x00, 0x01, 0xFF) or marker in range(0xD0, 0xDA):  # padding and markers without a body
            at += 1 if marker == 0xFF else 2
            continue
        if marker == SCAN:
            yield marker, b"", data[at:]
            return
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, data[at + 4 : end], data[at:end]
        at = max(end, at + 2)


def check_frame(marker: int, body: bytes) -> None:
    """Refuses what libjpeg does not decode: lossless, hierarchical, JPEG-LS, 12 bits, 2 or 5 components."""
    if len(body) < 6:
        return  # cut off: the decoder says so
    bits, lines, components = body[0], int.from_bytes(body[1:3], "big"), body[5]
    if marker not in DECODED or bits != 8 or lines == 0 or components not in (1, 3, 4):
        raise Refused("unsupported_format")
