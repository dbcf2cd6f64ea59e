"""Broken files, made from whole ones: each gives a clean photo or is refused with a code.

bench.hostile sends thousands.
"""

from __future__ import annotations

import io
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from bench.hostile import KINDS, broken, whole
from ml import media
from ml.errors import PhotoRefused
from ml.types import PHOTO_CODES
from tests.plugin import Share

USUAL = ("JPEG", "PNG with chunks", "WEBP", "HEIF", "TIFF with thumbnails")
SOME = [kind if kind in USUAL else pytest.param(kind, marks=pytest.mark.thorough) for kind in KINDS]
EACH = 400, 2  # of each kind, with --thorough and without: as many cut short as changed in some bytes


def verdict(data: bytes) -> str:
    try:
        photo = media.clean(data)
    except PhotoRefused as refused:
        return refused.code
    assert Image.open(io.BytesIO(photo.jpeg)).format == "JPEG"
    assert not Image.open(io.BytesIO(photo.jpeg)).getexif()
    return "clean"


@pytest.mark.parametrize("kind", SOME)
def test_a_broken_file_is_refused_or_clean(kind: str, share: Share) -> None:
    data, each = whole(kind), share.number(*EACH)
    assert verdict(data) == "clean"
    with ThreadPoolExecutor(2) as pool:
        found = Counter(pool.map(verdict, [broken(data, n) for n in range(each)]))
    assert set(found) <= {"clean", *PHOTO_CODES}
    assert found["clean"] < each
