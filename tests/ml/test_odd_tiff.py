"""TIFF of every kind: each becomes the right picture or is refused as unsupported, never a wrong one."""

import io

import numpy as np
import pytest
from PIL import Image

from bench.odd_raw import raw_files
from bench.odd_tiff import Tiff, join, write
from ml import media
from ml.errors import PhotoRefused
from tests.ml.light import apart, levels, scene, stored

SCENE = scene()
GREY = SCENE.mean(axis=2, keepdims=True)
CLEAR = np.full_like(GREY, 0.25)
ON_WHITE = SCENE * CLEAR + 1 - CLEAR
NEAR = 2.5  # levels of 255: a JPEG and 8 bits of what was 16

# Byte order, compression, planes, side of tiles, BigTIFF.
LAYOUTS = [
    Tiff(big=big, compression=compression, planar=planar, tile=tile, bigtiff=large)
    for planar in (1, 2)
    for compression in (1, 8)
    for tile in (0, 128)
    for big in (False, True)
    for large in (False, True)
]


def grey_on_white(alpha):
    return GREY * alpha + 1 - alpha


# Values 0..1, photometric interpretation, extra samples, and the picture that is meant.
MEANT = {
    "grey": (GREY, 1, (), GREY),
    "white is zero": (1 - GREY, 0, (), GREY),
    "grey, alpha": (np.concatenate([GREY, CLEAR], 2), 1, (2,), grey_on_white(CLEAR)),
    "grey, premultiplied": (np.concatenate([GREY * CLEAR, CLEAR], 2), 1, (1,), grey_on_white(CLEAR)),
    "white is zero, alpha": (np.concatenate([1 - GREY, CLEAR], 2), 0, (2,), grey_on_white(CLEAR)),
    "white is zero, premultiplied": (
        np.concatenate([(1 - GREY) * CLEAR, CLEAR], 2), 0, (1,), grey_on_white(CLEAR),
    ),
    "grey and a mask": (np.concatenate([GREY, CLEAR], 2), 1, (0,), GREY),
    "rgb": (SCENE, 2, (), SCENE),
    "rgb, alpha": (np.concatenate([SCENE, CLEAR], 2), 2, (2,), ON_WHITE),
    "rgb, premultiplied": (np.concatenate([SCENE * CLEAR, CLEAR], 2), 2, (1,), ON_WHITE),
    "rgb and a mask": (np.concatenate([SCENE, CLEAR], 2), 2, (0,), SCENE),
    "cmyk": (np.concatenate([1 - SCENE, CLEAR], 2), 5, (), SCENE * 0.75),
}  # fmt: skip
CASES = [(name, bits, how) for name in MEANT for bits in (8, 16) for how in LAYOUTS]


def verdict(name, bits, how):
    values, photometric, extra, meant = MEANT[name]
    tags = {338: extra} if extra else {}
    data = write(levels(values, bits), Tiff(**{**vars(how), "photometric": photometric, "tags": tags}))
    return judged(data, np.broadcast_to(meant, SCENE.shape))


def judged(data, meant):
    """ "right", "wrong" by how much, or the code of the refusal."""
    try:
        far = apart(data, meant)
    except PhotoRefused as refused:
        return refused.code
    return "right" if far < NEAR else f"wrong by {far:.0f}"


def test_no_layout_gives_a_wrong_picture_or_is_called_damaged(share):
    found = {str(case): verdict(*case) for case in share.of(CASES, 8)}
    assert [case for case, said in found.items() if said not in ("right", "unsupported_format")] == []


@pytest.mark.parametrize("name", ["white is zero", "grey, premultiplied", "rgb, premultiplied"])
@pytest.mark.parametrize("big", [False, True])
def test_usual_kinds_are_read(name, big):
    assert verdict(name, 8, Tiff(big=big)) == "right"


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_sixteen_bits_whose_white_is_zero_are_no_negative(big, bigtiff):
    assert verdict("white is zero", 16, Tiff(big=big, bigtiff=bigtiff)) == "right"


def by_type(values, **tags):
    return write(
        values,
        Tiff(photometric=2 if values.shape[2] > 2 else 1, tags={int(k[1:]): v for k, v in tags.items()}),
    )


UNSUPPORTED = {
    "float": lambda: by_type(SCENE.astype(np.float32), t339=(3, 3, 3)),
    "half float": lambda: by_type(SCENE.astype(np.float16), t339=(3, 3, 3)),
    "grey float": lambda: by_type(GREY.astype(np.float32), t339=3),
    "double": lambda: by_type(GREY.astype(np.float64), t339=3),
    "32 bits": lambda: by_type((GREY * (2**32 - 1)).astype(np.uint32)),
    "signed": lambda: by_type((GREY * 255 - 128).astype(np.int8), t339=2),
    "16 signed bits": lambda: by_type((GREY * 65535 - 32768).astype(np.int16), t339=2),
    "12 bits": lambda: by_type(levels(GREY, 8), t258=12),
    "palette of 16 bits": lambda: by_type(levels(GREY, 16), t262=3),
    "different depths": lambda: by_type(levels(SCENE, 8), t258=(8, 8, 4)),
    "ICC Lab": lambda: by_type(levels(SCENE, 8), t262=9),
    "LogLuv": lambda: by_type(levels(SCENE, 8), t262=32845),
    "old JPEG": lambda: by_type(levels(SCENE, 8), t259=6),
    "JPEG 2000": lambda: by_type(levels(SCENE, 8), t259=34712),
    "JPEG XL": lambda: by_type(levels(SCENE, 8), t259=50002),
    "two inks": lambda: by_type(levels(SCENE[..., :2], 8), t262=5),
    "300 samples": lambda: by_type(levels(SCENE, 8), t277=300),
}  # fmt: skip


def test_what_cannot_be_read_right_is_unsupported_not_damaged(share):
    found = {name: judged(UNSUPPORTED[name](), SCENE) for name in share.of(list(UNSUPPORTED), 4)}
    assert set(found.values()) == {"unsupported_format"}, found


def test_a_raw_file_is_told_by_its_head_and_never_accepted():
    found = {name: judged(data, SCENE) for name, data in raw_files().items()}
    assert set(found.values()) == {"unsupported_format"}, found
    assert "Export a raw file as JPEG" in media.MESSAGES["unsupported_format"]


def test_fields_around_the_picture_cannot_refuse_it():
    broken = {700: b"<xmp", 33723: b"\x1c", 34377: b"8BIM", 34665: 999_999, 34853: 7, 282: 0, 37500: bytes(9)}
    assert judged(write(levels(SCENE, 8), Tiff(tags=broken)), SCENE) == "right"


PAGE = levels(SCENE, 8), Tiff()
SMALL = levels(1 - scene(160, 120), 8)
NEXT_TO_IT = {
    "a marked thumbnail": [PAGE, (SMALL, Tiff(tags={254: 1}))],
    "a marked thumbnail first": [(SMALL, Tiff(tags={254: 1})), PAGE],
    "an old mark": [PAGE, (SMALL, Tiff(tags={255: 2}))],
    "a mask": [PAGE, (levels(GREY, 8), Tiff(photometric=4, tags={254: 4}))],
    "a pyramid": [PAGE, (levels(scene(280, 264), 8), Tiff()), (levels(scene(140, 132), 8), Tiff())],
    "a thumbnail of EXIF": [PAGE, (SMALL, Tiff(tags={513: 8, 514: 99}))],
}  # fmt: skip


@pytest.mark.parametrize("name", NEXT_TO_IT)
def test_a_thumbnail_is_no_page(name):
    assert judged(join(NEXT_TO_IT[name]), SCENE) == "right"


@pytest.mark.parametrize("other", [PAGE, (SMALL, Tiff()), (levels(scene(528, 560), 8), Tiff())])
def test_pages_are_unsupported(other):
    assert judged(join([PAGE, other]), SCENE) == "unsupported_format"


def test_a_link_that_leads_nowhere_or_back_is_ignored():
    data = write(*PAGE)
    for link in (b"\xff\xff\xff\x7f", data[4:8]):
        assert judged(data[:-4] + link, SCENE) == "right"


@pytest.mark.parametrize("compression", ["jpeg", "tiff_lzw", "packbits", "zstd"])
def test_usual_compressions_are_read(compression):
    out = io.BytesIO()
    more = {"quality": 95} if compression == "jpeg" else {}
    Image.fromarray(levels(SCENE, 8)).save(out, "TIFF", compression=compression, **more)
    assert judged(out.getvalue(), SCENE) == "right"


def test_a_turned_tiff_is_stored_upright(share):
    for turn in share.of(range(1, 9), 3):
        assert judged(write(levels(stored(turn, SCENE), 8), Tiff(tags={274: turn})), SCENE) == "right"


def test_half_a_tiff_is_damaged():
    data = write(*PAGE)
    assert judged(data[: len(data) // 2], SCENE) == "unreadable"
    assert judged(data[:20], SCENE) == "unreadable"
