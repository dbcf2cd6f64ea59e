"""Raw files of cameras by their heads and directories, for tests and bench.hostile. None holds a photo."""

from __future__ import annotations

import struct

import numpy as np

from bench.odd_tiff import Tiff, Values, join

REDUCED = {254: 1}
CFA = {254: 0, 262: 32803, 33421: (2, 2), 33422: bytes((0, 1, 1, 2))}
DNG = {50706: bytes((1, 4, 0, 0)), 50708: b"A camera\0"}


def grey(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 1), 1000, np.uint16)


def colour(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), 120, np.uint8)


def in_tiff(
    tags: dict[int, Values], first: np.ndarray, *, sensor: dict[int, Values] | None = None, big: bool = False
) -> bytes:
    """`first` with `tags`; what the sensor saw in a SubIFD if `sensor` has tags."""
    how = Tiff(big=big, photometric=1 if first.shape[2] == 1 else 2, tags=tags)
    subs = [(grey(600, 600), Tiff(big=big, photometric=1, tags=sensor))] if sensor else None
    return join([(first, how)], subs)


def container(brand: bytes) -> bytes:
    return struct.pack(">I4s4sI4s4s", 24, b"ftyp", brand, 1, brand, b"isom") + bytes(2000)


def raw_files() -> dict[str, bytes]:
    """Each kind under its name; heads alone are followed by zeros."""
    small, preview, sensor = colour(160, 120), colour(1024, 768), grey(600, 600)
    rest = bytes(4000)
    return {
        "DNG, thumbnail first": in_tiff({**REDUCED, **DNG}, small, sensor=CFA),
        "DNG, thumbnail alone": in_tiff({**REDUCED, **DNG}, small),
        "DNG, CFA first": in_tiff({**DNG, **CFA}, sensor),
        "DNG, LinearRaw first": in_tiff({**DNG, 262: 34892}, preview),
        "DNG, preview first": in_tiff({**REDUCED, **DNG}, preview, sensor=CFA),
        "DNG, preview alone, MM": in_tiff(dict(DNG), preview, big=True),
        "CFA without DNG": in_tiff(dict(CFA), sensor),
        "NEF": in_tiff({**REDUCED, 271: b"NIKON CORPORATION\0"}, small, sensor={**CFA, 259: 34713}, big=True),
        "NEF, head alone": in_tiff({**REDUCED, 271: b"NIKON CORPORATION\0", 330: 90_000}, small, big=True),
        "ARW": in_tiff({**REDUCED, 271: b"SONY\0"}, preview, sensor={**CFA, 259: 32767}),
        "SRW": in_tiff({**REDUCED, 271: b"SAMSUNG\0"}, preview, sensor={**CFA, 259: 32770}),
        "PEF": in_tiff({271: b"PENTAX\0", 259: 65535, 262: 32803}, sensor, big=True),
        "3FR": in_tiff({**REDUCED, 271: b"Hasselblad\0"}, preview, sensor=CFA, big=True),
        "CR2": b"II*\0\x10\0\0\0CR\x02\0" + rest,
        "CR3": container(b"crx "),
        "CRW": b"II\x1a\0\0\0HEAPCCDR" + rest,
        "ORF": b"IIRO\x08\0\0\0" + rest,
        "ORF, old": b"IIRS\x08\0\0\0" + rest,
        "ORF, MM": b"MMOR\0\0\0\x08" + rest,
        "RW2": b"IIU\0\x18\0\0\0" + rest,
        "RAF": b"FUJIFILMCCD-RAW 0201" + rest,
        "X3F": b"FOVb\0\0\x02\0" + rest,
        "MRW": b"\0MRM\0\0\x10\0" + rest,
        "IIQ": b"II*\0\x08\0\0\0IIII" + rest,
    }
