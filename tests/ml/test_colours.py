"""Colours of uploads, by ICC, by chunks of PNG, by nclx and by EXIF. The right values come from formulas."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from bench import odd_icc, odd_png
from bench.odd_icc import ADOBE, BT2020, P3, PROPHOTO, SRGB
from bench.odd_tiff import Tiff, write
from ml import media
from tests.ml import light
from tests.ml.light import apart, levels, light_in, light_of, scene

SCENE = scene()
GREY = np.repeat(SCENE.mean(axis=2, keepdims=True), 3, axis=2)
NEAR = 2.0  # levels of 255: JPEG, and 8 bits of other curves, cost about one
NAMED = odd_icc.profile(SRGB, 1.0, name="sRGB IEC61966-2.1")  # its name lies
CLEAR = np.full((*SCENE.shape[:2], 1), 0.25)  # alpha


def jpeg(values, **options):
    out = io.BytesIO()
    Image.fromarray(levels(values, 8)).save(out, "JPEG", quality=95, subsampling=0, **options)
    return out.getvalue()


def webp(values, profile):
    out = io.BytesIO()
    Image.fromarray(levels(values, 8)).save(out, "WEBP", lossless=True, icc_profile=profile)
    return out.getvalue()


def by_icc(primaries, exponent):
    return jpeg(
        light_in(primaries, SCENE) ** (1 / exponent), icc_profile=odd_icc.profile(primaries, exponent)
    )


def png(values, *chunks, bits=16):
    return odd_png.png(levels(values, bits), list(chunks))


def adobe_exif(index="R03", space=0xFFFF):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = space
    exif.get_ifd(0x8769)[0xA005] = {1: index}
    return exif


LINEAR = light_of(SCENE)
PQ = light.pq(light_in(BT2020, SCENE) * 203)
HLG = light.hlg(light_in(BT2020, SCENE) * 203)
IN_P3 = light.value_of(light_in(P3, SCENE))
IN_ADOBE = light_in(ADOBE, SCENE) ** (256 / 563)
PROFILE_OF_PQ = odd_icc.profile(BT2020, 2.4, more={b"cicp": b"cicp\0\0\0\0" + bytes((9, 16, 0, 1))})
RIGHT = {
    "linear, named sRGB, jpeg": lambda: jpeg(LINEAR, icc_profile=NAMED),
    "linear, named sRGB, png": lambda: png(LINEAR, odd_png.iccp(NAMED)),
    "linear, named sRGB, tiff": lambda: write(levels(LINEAR, 16), Tiff(compression=8, tags={34675: NAMED})),
    "linear, named sRGB, webp": lambda: webp(LINEAR, NAMED),
    "p3": lambda: jpeg(IN_P3, icc_profile=odd_icc.profile(P3, name="Display P3")),
    "p3 by a table of curves": lambda: jpeg(IN_P3, icc_profile=odd_icc.profile(P3, "table")),
    "adobe": lambda: by_icc(ADOBE, 2.2),
    "gamma 1.8": lambda: by_icc(SRGB, 1.8),
    "icc wins over the chunks": lambda: png(LINEAR, odd_png.gama(1 / 2.2), odd_png.iccp(NAMED)),
    "gAMA": lambda: png(LINEAR, odd_png.gama(1.0)),
    "gAMA, cHRM": lambda: png(IN_ADOBE, odd_png.gama(1 / 2.2), odd_png.chrm(ADOBE)),
    "sRGB wins over gAMA": lambda: png(SCENE, (b"sRGB", b"\0"), odd_png.gama(1.0)),
    "cICP P3": lambda: png(IN_P3, odd_png.cicp(12, 13), (b"sRGB", b"\0")),
    "cICP PQ": lambda: png(PQ, odd_png.cicp(9, 16), odd_png.iccp(NAMED)),
    "cICP HLG": lambda: png(HLG, odd_png.cicp(9, 18)),
    "icc with cicp": lambda: jpeg(PQ, icc_profile=PROFILE_OF_PQ),
    "heic PQ": lambda: light.heic(PQ, 9, 16),
    "heic HLG": lambda: light.heic(HLG, 9, 18),
    "heic P3": lambda: light.heic(IN_P3, 12, 13, 6),
    "heic sRGB": lambda: light.heic(SCENE, 1, 13, 6),
    "heic unspecified": lambda: light.heic(SCENE, 2, 2, 6),
    "exif: Adobe RGB": lambda: jpeg(IN_ADOBE, exif=adobe_exif()),
    "exif: R98": lambda: jpeg(SCENE, exif=adobe_exif("R98", 1)),
    "exif: uncalibrated, nothing more": lambda: jpeg(SCENE, exif=adobe_exif("R98")),
    "icc wins over exif": lambda: jpeg(IN_P3, exif=adobe_exif(), icc_profile=odd_icc.profile(P3)),
    "a broken profile": lambda: jpeg(SCENE, icc_profile=NAMED[:200]),
    "a profile of another kind": lambda: jpeg(SCENE, icc_profile=odd_icc.profile(grey=True, shape=1.0)),
    "a gAMA of nothing": lambda: png(SCENE, (b"gAMA", bytes(4))),
    "primaries of no sense": lambda: png(SCENE, odd_png.gama(1 / 2.2), (b"cHRM", bytes(32))),
}  # fmt: skip


ALWAYS = "linear, named sRGB, jpeg", "linear, named sRGB, png", "gAMA, cHRM", "heic PQ", "heic HLG", "heic P3"


def test_colours_come_out_as_they_were_meant(share):
    names = {*ALWAYS, *share.of(list(RIGHT), 2)}
    found = {name: apart(RIGHT[name](), SCENE) for name in names}
    assert {name: far for name, far in found.items() if far >= NEAR} == {}


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("grey", [False, True])
def test_colours_are_converted_before_transparency_is_laid_on_white(grey, bits):
    meant = GREY if grey else SCENE
    linear = light_of(meant)[..., :1] if grey else light_of(meant)
    profile = odd_icc.profile(shape=1.0, grey=grey)
    data = png(np.concatenate([linear, CLEAR], axis=2), odd_png.iccp(profile), bits=bits)
    assert apart(data, meant * CLEAR + 1 - CLEAR) < NEAR


@pytest.mark.parametrize("grey", [False, True])
def test_a_grey_picture_follows_its_profile(grey):
    """Also one of RGB, as programs leave it when they take the colour out."""
    out = io.BytesIO()
    profile = odd_icc.profile(shape=1.0, grey=grey)
    Image.fromarray(levels(light_of(GREY)[..., 0], 8)).save(out, "JPEG", quality=95, icc_profile=profile)
    assert apart(out.getvalue(), GREY) < NEAR


def test_a_wide_space_keeps_its_white_and_its_greys():
    data = jpeg(light_of(GREY) ** (1 / 1.8), icc_profile=odd_icc.profile(PROPHOTO, 1.8))
    assert apart(data, GREY) < NEAR


@pytest.mark.parametrize("shape", [odd_icc.SRGB_CURVE, "table"])
def test_a_profile_equal_to_srgb_leaves_the_picture_alone(shape):
    plain = media.clean(jpeg(SCENE)).jpeg
    assert media.clean(jpeg(SCENE, icc_profile=odd_icc.profile(shape=shape, name="My camera"))).jpeg == plain
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert media.clean(jpeg(SCENE, icc_profile=own)).jpeg == plain


@pytest.mark.parametrize("code, values", [(16, light.pq), (18, light.hlg)])
def test_highlights_are_compressed_and_the_rest_keeps_its_place(code, values):
    """A fifth of the picture is 4 times as bright as white: it becomes white, shadows stay, order stays."""
    nits = light_in(BT2020, GREY) * 203
    nits[:, -112:] *= 4
    array = media.to_array(media.clean(light.heic(values(nits), 9, code)).jpeg).astype(float)
    assert array[-20:, -20:].mean() > 245
    assert np.abs(array[:60, :60] - GREY[:60, :60] * 255).mean() < 4
    row = array[300, ::40, 1]
    assert (np.diff(row) > 0).all()


def test_lab_and_cmyk_become_srgb():
    image = Image.fromarray(levels(SCENE, 8))
    lab = ImageCms.profileToProfile(
        image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    for mode, more in (
        (lab, {}),
        (lab, {"icc_profile": NAMED}),
        (image.convert("CMYK"), {"icc_profile": NAMED}),
    ):
        out = io.BytesIO()
        mode.save(out, "TIFF", **more)
        assert apart(out.getvalue(), SCENE) < 4
