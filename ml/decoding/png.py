"""PNG: hands Pillow the picture alone. Texts are dropped, not decompressed; they cannot refuse it."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ml.decoding import primaries
from ml.decoding.source import Coding, Refused, Source, exif_of, inflated, open_as

SIGNATURE = 8  # bytes
DRAWN = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
TOLD = {b"acTL", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"eXIf"}  # the first of each counts
# 1/2.2 stands for sRGB where no other primaries are told: PNG third edition, 11.3.2.5.
USUAL_GAMMA = range(45_000, 46_001)
GAMMAS = range(10_000, 1_000_001)  # 0.1 to 10; a picture with another one is shown as it is


def read(data: bytes) -> Source:
    kept, deep = bytearray(data[:SIGNATURE]), False
    told: dict[bytes, bytes] = {}
    for name, body, whole in chunks(data):
        if name == b"IHDR":
            deep = body[8:9] == b"\x10"
        if name in TOLD:
            told.setdefault(name, body)
        elif name not in DRAWN and not name[0] & 0x20:  # a chunk that a decoder must know
            raise Refused("unsupported_format")
        # Pillow compares a transparent colour of 16 bits with 8 bits, so it is left out.
        if name in DRAWN or (name == b"tRNS" and not deep):
            kept += whole
    if int.from_bytes(told.get(b"acTL", b"")[:4], "big") > 1:
        raise Refused("unsupported_format")
    turn, _ = exif_of(told.get(b"eXIf", b""))
    return Source(open_as(bytes(kept), "PNG"), *colours(told), turn)


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Name, body and all bytes of each chunk. The last may be cut off: the decoder says so."""
    at = SIGNATURE
    while at + 8 <= len(data):
        name, end = data[at + 4 : at + 8], at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield name, data[at + 8 : end - 4], data[at:end]
        at = end
        if name == b"IEND":
            return


def colours(told: dict[bytes, bytes]) -> tuple[bytes | None, Coding | None]:
    """The profile or the coding. The order is that of the PNG specification, third edition, 4.3."""
    coding = primaries.by_code(*told[b"cICP"][:2]) if told.get(b"cICP", b"")[2:4] == b"\0\1" else None
    if coding:
        return None, coding
    name, _, packed = told.get(b"iCCP", b"").partition(b"\0")
    profile = inflated(packed[1:]) if name and packed[:1] == b"\0" else None
    if profile or b"sRGB" in told:
        return profile, None
    return None, by_gamma(told.get(b"gAMA", b""), told.get(b"cHRM", b""))


def by_gamma(gamma: bytes, chromaticities: bytes) -> Coding | None:
    """Colours by the chunks gAMA and cHRM, both in units of 1/100000."""
    whole = struct.unpack(">8I", chromaticities) if len(chromaticities) == 32 else None
    xy = tuple(value / 100_000 for value in whole) if whole else primaries.SRGB
    exponent = int.from_bytes(gamma, "big") if len(gamma) == 4 else 0
    if exponent in USUAL_GAMMA and primaries.is_near(xy, primaries.SRGB):
        return None
    return Coding(xy, 100_000 / exponent) if exponent in GAMMAS else Coding(xy, "srgb")
