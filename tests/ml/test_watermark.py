"""The invisible mark: how little it changes, what it survives, and that nothing else is taken for it."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from bench.watermark import WEAR, crop, draw_gradient, draw_portrait, halve, psnr, save, screenshot
from ml import watermark
from ml.watermark import first, pattern, reading

IDENT = 0xC0FFEE42
OLD = Path(__file__).parent.parent / "data" / "watermark_1.jpg"


@pytest.fixture(scope="module")
def picture():
    return draw_portrait(1, 384, 512)


@pytest.fixture(scope="module")
def marked(picture):
    return watermark.embed(picture, IDENT)


def test_the_mark_changes_little(picture, marked):
    assert psnr(picture, marked) >= 45


@pytest.mark.parametrize("ident", [0, 1, 2**31, 2**32 - 1])
def test_any_32_bit_number_is_read_back(picture, ident):
    assert watermark.read(watermark.embed(picture, ident)) == ident


@pytest.mark.parametrize("size", [(512, 512), (320, 576), (576, 384)])
def test_the_mark_survives_halving_and_jpeg_70(size):
    marked = watermark.embed(draw_portrait(7, *size), IDENT)
    for worn in (marked, halve(marked)):
        assert watermark.read(save(worn, "JPEG", 70)) == IDENT


@pytest.mark.parametrize("wear", ["crop + half + JPEG 70", "corner cut + JPEG 80", "screenshot with a page"])
def test_the_mark_survives_crops_and_screenshots(marked, wear):
    assert watermark.read(WEAR[wear](marked)) == IDENT


def test_a_crop_and_a_mirrored_picture_are_told(marked):
    whole, part = watermark.find(screenshot(marked)), watermark.find(crop(marked)[:, ::-1])
    assert (whole.cropped, whole.mirrored, part.cropped, part.mirrored) == (False, False, True, True)
    assert part.scale == pytest.approx(1.25, abs=0.01)


def test_the_mark_is_read_at_any_size_and_stretched(marked):
    for size in ((288, 384), (1000, 1400), (2000, 3000)):
        assert watermark.read(cv2.resize(marked, size, interpolation=cv2.INTER_AREA)) == IDENT


def test_the_mark_of_a_long_strip_is_read():
    marked = watermark.embed(draw_gradient(3, 200, 1500), IDENT)
    assert watermark.read(save(marked, "JPEG", 80)) == IDENT


def test_a_mark_by_earlier_versions_is_read():
    found = watermark.find(np.asarray(Image.open(OLD)))
    assert (found.ident, found.version) == (IDENT, 1)


def test_unmarked_pictures_have_no_number():
    pictures = [draw_portrait(seed, 320, 320) for seed in range(2)]
    noise = np.random.default_rng(0).integers(0, 256, (320, 320, 3), dtype=np.uint8)
    stripes = np.tile(np.uint8([0, 255]), (320, 160, 1)).reshape(320, 320, 1).repeat(3, axis=2)
    flat = np.full((320, 320, 3), 128, np.uint8)
    tiny = np.zeros((5, 5, 3), np.uint8)
    assert [watermark.read(one) for one in (*pictures, noise, stripes, flat, tiny)] == [None] * 6


def test_letters_are_read_at_no_more_places_than_the_stated_bound_counts(picture, monkeypatch):
    read = []
    decode = reading._decode
    monkeypatch.setattr(reading, "_decode", lambda *args: read.append(args) or decode(*args))
    assert watermark.read(picture) is None
    assert len(read) <= 13


def test_a_word_with_wrong_check_bits_is_no_number():
    letters = np.array(pattern.letters_of(IDENT))
    assert pattern.number_of(letters) == IDENT
    assert [pattern.number_of(letters ^ (1 << bit)) for bit in range(12)] == [None] * 12


def test_marking_twice_gives_the_same_pixels(picture, marked):
    assert np.array_equal(watermark.embed(picture, IDENT), marked)


def test_the_patterns_never_change():
    letters = pattern.alphabet()
    now = b"".join(
        part.astype(kind).tobytes()
        for part, kind in (
            (letters.sync, "<i4"),
            (letters.sync_signs, "<c8"),
            (letters.letters, "<i4"),
            (letters.signs, "i1"),
        )
    )
    waves, signs = first._alphabet()
    before = waves.astype("<i4").tobytes() + signs.astype("i1").tobytes()
    assert hashlib.sha256(now).hexdigest()[:16] == "640a7cf048bb4e87"
    assert hashlib.sha256(before).hexdigest()[:16] == "3cef86d5540228e2"


def test_what_cannot_be_marked_is_refused(picture):
    for bad, ident in ((picture, -1), (picture, 2**32), (picture[:100], 1), (picture[:, :, 0], 1)):
        with pytest.raises(ValueError):
            watermark.embed(bad, ident)
