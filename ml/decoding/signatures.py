"""The format of an upload by its first bytes, not by its name. The child's decoder checks the rest."""

from __future__ import annotations

import re

ACCEPTED = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
# Raw files with a head of their own. DNG, NEF, ARW, PEF and SRW are TIFF files: see tiff.py.
RAW = (
    b"II*\0\x10\0\0\0CR",  # Canon CR2
    b"II\x1a\0\0\0HEAPCCDR",  # Canon CRW
    b"IIRO",  # Olympus ORF
    b"IIRS",
    b"MMOR",
    b"IIU\0",  # Panasonic RW2, Leica RWL
    b"FOVb",  # Sigma X3F
    b"FUJIFILMCCD-RAW",  # RAF
    b"\0MRM",  # Minolta MRW
    b"ARRI",
    b"II*\0\x08\0\0\0IIII",  # Phase One IIQ
    b"MM\0*\0\0\0\x08MMMM",
)
OTHER_PICTURES = (
    b"GIF87a",
    b"GIF89a",
    b"8BPS",
    b"\0\0\1\0",
    b"\0\0\2\0",
    b"icns",
    b"\0\0\0\x0cjP  ",
    b"\xff\x4f\xff\x51",
    b"\xff\x0a",
    b"\0\0\0\x0cJXL ",
    b"\x76\x2f\x31\x01",
    b"#?RADIANCE",
    b"#?RGBE",
    b"DDS ",
    b"qoif",
    b"gimp xcf",
    b"\x0a\x05\x01",
    b"\xd7\xcd\xc6\x9a",
    b"II\xbc",  # JPEG XR
    b"\x8aMNG",
    b"\x8bJNG",
    b"BPG\xfb",
    b"FLIF",
    b"SIMPLE  =",
    b"%!PS-Adobe",
)
TEXT_PICTURES = re.compile(
    rb"P[1-7FfM]\s|(\xef\xbb\xbf)?\s*(<\?xml[^<]*|<!--.{,500}?-->\s*|<!DOCTYPE svg[^<]*)*<svg", re.S
)
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
# Pictures in the same container that libheif does not decode here: AV1, AVC, VVC, EVC, JPEG, JPEG 2000,
# uncompressed, and Canon's raw file CR3.
OTHER_BRANDS = {
    *(b"avif", b"avis", b"avci", b"avcs", b"vvic", b"vvis", b"evbi", b"evbs", b"jpeg", b"jpgs"),
    *(b"j2ki", b"j2is", b"unif", b"crx "),
}


def kind_of(data: bytes) -> str:
    """JPEG, PNG, TIFF, WEBP or HEIF; or the code of the refusal: unsupported_format or not_an_image."""
    if data.startswith(RAW):
        return "unsupported_format"
    for signature, kind in ACCEPTED.items():
        if data.startswith(signature):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _in_container(data)
    is_other = data.startswith(OTHER_PICTURES) or TEXT_PICTURES.match(data[:2000])
    is_bmp = data[:2] == b"BM" and data[6:10] == bytes(4)
    return "unsupported_format" if is_other or is_bmp or data[128:132] == b"DICM" else "not_an_image"


def _in_container(data: bytes) -> str:
    """By the brands of an ISO file. Films have other brands and are no pictures."""
    brands = {data[at : at + 4] for at in range(8, min(int.from_bytes(data[:4], "big"), 64), 4)}
    if brands & OTHER_BRANDS:
        return "unsupported_format"
    if not brands & HEIC_BRANDS:
        return "not_an_image"
    coded_otherwise = b"av01" in data[:4096] and b"hvc1" not in data[:4096]
    return "unsupported_format" if coded_otherwise else "HEIF"
