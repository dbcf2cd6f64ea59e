"""Odd uploads besides TIFF and colours: extras that must not refuse a photo, kinds that nothing decodes."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from bench import odd_icc, odd_png
from ml import media
from ml.errors import PhotoRefused
from tests.ml.light import apart, levels, scene, stored

pillow_heif.register_heif_opener()

SCENE = scene()
EIGHT = levels(SCENE, 8)
GREY = np.repeat(SCENE.mean(axis=2, keepdims=True), 3, axis=2)
BOMB = zlib.compress(bytes(100_000_000), 9)
NEAR = 2.5


def saved(kind="JPEG", values=EIGHT, **options):
    out = io.BytesIO()
    Image.fromarray(values).save(
        out, kind, **({"quality": 95, "subsampling": 0} if kind == "JPEG" else {}) | options
    )
    return out.getvalue()


def judged(data, meant=SCENE):
    try:
        far = apart(data, meant)
    except PhotoRefused as refused:
        return refused.code
    return "right" if far < NEAR else f"wrong by {far:.0f}"


def segment(marker, body):
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def jpeg_with(*segments):
    whole = saved()
    return whole[:2] + b"".join(segments) + whole[2:]


def huge_profile():
    """An ICC profile of 1.2 MB that does not compress and can be used."""
    noise = np.arange(1_200_000, dtype=np.uint64) * np.uint64(2654435761) >> np.uint64(13)
    return odd_icc.profile(more={b"zzzz": b"data" + bytes(4) + noise.astype(np.uint8).tobytes()})


def with_restarts_and_progressive():
    return saved(progressive=True, restart_marker_rows=1)


EXTRAS = {
    "png: an ICC profile of 1.2 MB": lambda: odd_png.png(EIGHT, [odd_png.iccp(huge_profile())]),
    "png: one of 1.2 MB that cannot be used": lambda: odd_png.png(EIGHT, [odd_png.iccp(bytes(1_200_000))]),
    "png: a profile that is a bomb": lambda: odd_png.png(EIGHT, [(b"iCCP", b"x\0\0" + BOMB)]),
    "png: a profile cut off": lambda: odd_png.png(EIGHT, [(b"iCCP", b"x\0\0" + BOMB[:50])]),
    "png: bombs of text": lambda: odd_png.png(
        EIGHT, [(b"zTXt", b"Comment\0\0" + BOMB), (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + BOMB)] * 3
    ),
    "png: 3 MB of text": lambda: odd_png.png(EIGHT, [(b"tEXt", b"parameters\0" + b"a" * 3_000_000)]),
    "png: a text of an unknown coding": lambda: odd_png.png(EIGHT, [(b"zTXt", b"k\0\7" + bytes(9))]),
    "png: texts behind": lambda: odd_png.png(EIGHT, None, [(b"zTXt", b"Comment\0\0" + BOMB)]),
    "png: chunks too short": lambda: odd_png.png(
        EIGHT, [(b"gAMA", b"\0"), (b"cHRM", b""), (b"pHYs", b"1"), (b"sRGB", b""), (b"cICP", b"9")]
    ),
    "png: broken EXIF": lambda: odd_png.png(EIGHT, [(b"eXIf", b"MM\0*\xff\xff\xff\xff")]),
    "png: bytes behind the end": lambda: odd_png.png(EIGHT) + bytes(5000),
    "png: one frame": lambda: odd_png.png(EIGHT, [(b"acTL", struct.pack(">II", 1, 0))]),
    "jpeg: broken EXIF": lambda: jpeg_with(segment(0xE1, b"Exif\0\0II*\0" + b"\xff" * 90)),
    "jpeg: EXIF of 60 kB of nothing": lambda: jpeg_with(segment(0xE1, b"Exif\0\0" + bytes(60_000))),
    "jpeg: a broken index of pictures": lambda: jpeg_with(segment(0xE2, b"MPF\0II*\0" + b"\xff" * 40)),
    "jpeg: broken Photoshop blocks": lambda: jpeg_with(segment(0xED, b"Photoshop 3.0\x008BIM\x03\xed")),
    "jpeg: a profile with a part missing": lambda: jpeg_with(segment(0xE2, b"ICC_PROFILE\0\x02\x02abc")),
    "jpeg: a film behind": lambda: saved() + b"\0\0\0\x18ftypmp42" + bytes(50_000),
    "jpeg: progressive, with restarts": with_restarts_and_progressive,
    "jpeg: padding between segments": lambda: jpeg_with(b"\xff\xff\xff" + segment(0xFE, b"a comment")[1:]),
    "webp: broken EXIF": lambda: saved("WEBP", lossless=True, exif=b"Exif\0\0broken"),
}  # fmt: skip


def test_what_comes_with_a_photo_cannot_refuse_it(share):
    found = {name: judged(EXTRAS[name]()) for name in share.of(list(EXTRAS), 6)}
    assert {name: said for name, said in found.items() if said != "right"} == {}


def heads():
    frame = struct.pack(">BHHB", 8, 600, 600, 3) + bytes((1, 17, 0, 2, 17, 0, 3, 17, 0))
    jpeg = {
        f"jpeg: {name}": b"\xff\xd8" + segment(marker, bytes((bits,)) + frame[1:]) + bytes(500)
        for name, marker, bits in [
            ("12 bits", 0xC1, 12), ("lossless", 0xC3, 8), ("16 bits lossless", 0xC3, 16),
            ("hierarchical", 0xC5, 8), ("LS", 0xF7, 8),
        ]
    }  # fmt: skip
    containers = {
        f"container: {brand.decode()}": struct.pack(">I4s4sI4s", 20, b"ftyp", brand, 0, b"mif1") + bytes(500)
        for brand in (b"avif", b"avis", b"avci", b"jpgs", b"j2ki", b"vvic")
    }
    starts = {
        "gif": b"GIF89a", "bmp": b"BM\0\0\0\0\0\0\0\0", "psd": b"8BPS\0\1", "jp2": b"\0\0\0\x0cjP  ",
        "j2k": b"\xff\x4f\xff\x51", "jxl": b"\xff\x0a", "jxl box": b"\0\0\0\x0cJXL ", "ico": b"\0\0\1\0",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>", "exr": b"\x76\x2f\x31\x01", "jxr": b"II\xbc\x01",
        "svg with a head": b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- made by hand -->\n<!DOCTYPE svg>\n<svg>",
        "ppm": b"P6 600 600 255\n", "pfm": b"PF\n600 600\n", "eps": b"%!PS-Adobe-3.0 EPSF", "qoi": b"qoif",
        "dicom": bytes(128) + b"DICM", "hdr": b"#?RADIANCE\n", "mng": b"\x8aMNG", "xcf": b"gimp xcf",
    }  # fmt: skip
    return {**jpeg, **containers, **{name: start.ljust(600, b"\0") for name, start in starts.items()}}


def test_other_pictures_are_unsupported():
    assert {
        name: said for name, data in heads().items() if (said := judged(data)) != "unsupported_format"
    } == {}


def test_a_png_for_phone_programs_is_unsupported():
    assert judged(odd_png.png(EIGHT, [(b"CgBI", bytes(4))])) == "unsupported_format"


def test_a_container_whose_pictures_are_av1_is_unsupported():
    head = struct.pack(">I4s4sI4s", 20, b"ftyp", b"mif1", 0, b"miaf")
    assert judged(head + b"infe\2\0\0\0\0\1\0\0av01" + bytes(500)) == "unsupported_format"


def modes():
    image, grey = Image.fromarray(EIGHT), Image.fromarray(levels(GREY, 8)[..., 0])
    palette, deep = grey.convert("P"), levels(SCENE, 16)
    out = {}
    for name, one, kind, options, meant in [
        ("png: palette", palette, "PNG", {}, GREY),
        ("png: palette, one colour clear", palette, "PNG", {"transparency": 255}, GREY),
        ("png: palette with alphas", palette, "PNG", {"transparency": bytes(256)}, GREY * 0 + 1),
        (
            "png: 1 bit",
            grey.point(lambda v: 255 * (v > 99)).convert("1"),
            "PNG",
            {},
            (levels(GREY, 8) > 99) * 1.0,
        ),
        ("jpeg: RGB without transform", image, "JPEG", {"keep_rgb": True, "quality": 95}, SCENE),
        ("jpeg: CMYK", image.convert("CMYK"), "JPEG", {"quality": 95}, SCENE),
    ]:
        data = io.BytesIO()
        one.save(data, kind, **options)
        out[name] = data.getvalue(), meant
    return out | {
        "png: 16 bits": (odd_png.png(deep), SCENE),
        "png: 16 bits, a clear colour": (odd_png.png(deep, [(b"tRNS", bytes(6))]), SCENE),
        "png: 16 bits grey and alpha": (
            odd_png.png(np.concatenate([deep[..., :1], np.full_like(deep[..., :1], 65535)], 2)),
            SCENE[..., :1],
        ),
    }  # fmt: skip


def test_every_mode_of_png_and_jpeg_comes_out_right():
    found = {
        name: judged(data, np.broadcast_to(meant, SCENE.shape)) for name, (data, meant) in modes().items()
    }
    assert {name: said for name, said in found.items() if said != "right"} == {}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "MPO", "HEIF"])
def test_each_orientation_is_stored_upright(kind, share):
    for turn in share.of((5, 2, 3, 4, 1, 6, 7, 8), 2):
        exif = Image.Exif()
        exif[0x0112] = turn
        values = np.ascontiguousarray(stored(turn, EIGHT))
        more = {"save_all": True, "append_images": [Image.new("RGB", (640, 640))]} if kind == "MPO" else {}
        assert judged(saved(kind, values, exif=exif.tobytes(), **more)) == "right"


def test_the_fifty_megapixels_of_a_phone_are_accepted():
    photo = media.clean(saved(values=np.full((8160, 6144), 128, np.uint8)))
    assert (photo.width, photo.height) == (6144, 8160)


@pytest.mark.parametrize("size, said", [((6944, 9248), "unreadable"), ((8100, 8000), "too_large")])
def test_the_limit_is_64_megapixels(size, said):
    """A head alone: within the limit its lack of a picture is found."""
    head = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    empty = odd_png.chunk(b"IDAT", zlib.compress(b""))
    assert judged(b"\x89PNG\r\n\x1a\n" + odd_png.chunk(b"IHDR", head) + empty) == said
