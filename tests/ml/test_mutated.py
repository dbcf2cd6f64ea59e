"""Hundreds of broken files, made of whole ones: each is a clean photo or refused with a code, and nothing else ever happens."""

from __future__ import annotations

import io
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from ml import media
from ml.errors import PhotoRefused
from ml.types import PHOTO_CODES

pillow_heif.register_heif_opener()
KINDS = {"JPEG": {}, "PNG": {}, "TIFF": {"compression": "tiff_lzw"}, "WEBP": {}, "HEIF": {}}
EACH = 24  # of each kind: as many cut short as changed in some bytes


def whole(kind: str) -> bytes:
    y, x = np.mgrid[0:560, 0:560]
    picture = Image.fromarray(np.stack([x // 3, y // 3, (x * y) % 251], -1).astype(np.uint8))
    out = io.BytesIO()
    picture.save(out, kind, **KINDS[kind])
    return out.getvalue()


def broken(data: bytes, number: int) -> bytes:
    rng = np.random.default_rng(number)
    if number % 2:
        return data[: int(rng.integers(1, len(data)))]
    changed = bytearray(data)
    for at in rng.integers(0, min(len(data), 4000 if number % 4 else len(data)), 1 + number):
        changed[at] = int(rng.integers(0, 256))
    return bytes(changed)


def verdict(data: bytes) -> str:
    try:
        photo = media.clean(data)
    except PhotoRefused as refused:
        return refused.code
    assert Image.open(io.BytesIO(photo.jpeg)).format == "JPEG"
    assert not Image.open(io.BytesIO(photo.jpeg)).getexif()
    return "clean"


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_file_is_refused_or_clean(kind: str) -> None:
    data = whole(kind)
    assert verdict(data) == "clean"
    with ThreadPoolExecutor(2) as pool:
        found = Counter(pool.map(verdict, [broken(data, n) for n in range(EACH)]))
    assert set(found) <= {"clean", *PHOTO_CODES}
    assert found["clean"] < EACH
