"""Uploads: accepted and refused files, and clean copies that contain only the picture."""

import io
import struct
import sys
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from ml import media
from ml.errors import PhotoRefused

pillow_heif.register_heif_opener()


def picture(width=640, height=520, mode="RGB"):
    """A bright red upper left corner on a smooth ground, so that rotation and mirroring are visible."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    array = np.stack([x * 0.5, y, 255 - x], axis=2).astype(np.uint8)
    array[: height // 4, : width // 4] = (250, 20, 20)
    return Image.fromarray(array).convert(mode)


def encoded(image, kind="JPEG", **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def frames(kind, count=3):
    more = [Image.new("RGB", (32, 32), "red")] if kind == "TIFF" else [picture().rotate(90)]
    return encoded(picture(), kind, save_all=True, append_images=more * (count - 1))


def code_for(data):
    with pytest.raises(PhotoRefused) as refused:
        media.clean(data)
    assert refused.value.message == media.MESSAGES[refused.value.code]
    return refused.value.code


def is_red(pixel):
    return pixel[0] > 200 and pixel[1] < 80 and pixel[2] < 80


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF"])
def test_each_allowed_format_becomes_a_clean_jpeg(kind):
    photo = media.clean(encoded(picture(), kind))
    assert (photo.format, photo.width, photo.height) == (kind, 640, 520)
    assert media.to_array(photo.jpeg).shape == (520, 640, 3)
    assert is_red(media.to_array(photo.jpeg)[40, 40])


@pytest.mark.parametrize(
    "mode, kind",
    [
        ("CMYK", "JPEG"),
        ("L", "JPEG"),
        ("P", "PNG"),
        ("1", "PNG"),
        ("LA", "PNG"),
        ("I;16", "PNG"),
        ("LAB", "TIFF"),
        ("CMYK", "TIFF"),
        ("YCbCr", "TIFF"),
    ],
)
def test_every_mode_becomes_rgb_of_about_the_same_brightness(mode, kind):
    if mode == "I;16":
        image = Image.fromarray(np.asarray(picture(mode="L")).astype(np.uint16) * 257)
    elif mode == "LAB":
        image = ImageCms.profileToProfile(
            picture(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    else:
        image = picture(mode=mode)
    array = media.to_array(media.clean(encoded(image, kind)).jpeg)
    assert array.shape == (520, 640, 3)
    assert abs(array.mean() - np.asarray(picture()).mean()) < 25


def test_transparent_parts_become_white():
    image = picture(mode="RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    assert media.to_array(media.clean(encoded(image, "PNG")).jpeg).min() > 250


def test_a_large_photo_is_shrunk_but_its_own_size_is_kept():
    photo = media.clean(encoded(picture().resize((4032, 3024))))
    height, width, _ = media.to_array(photo.jpeg).shape
    assert (photo.width, photo.height) == (4032, 3024)
    assert 1940 <= width <= 2048
    assert abs(width / height - 4 / 3) < 0.01


def test_a_noisy_photo_stays_under_a_megabyte():
    noise = np.arange(2048 * 2048 * 3, dtype=np.uint32) * np.uint32(2654435761) >> 24
    photo = media.clean(encoded(Image.fromarray(noise.astype(np.uint8).reshape(2048, 2048, 3)), quality=95))
    assert len(photo.jpeg) < 1_000_000


@pytest.mark.parametrize("orientation, corner", [(1, (0, 0)), (3, (-1, -1)), (6, (0, -1)), (8, (-1, 0))])
def test_a_turned_photo_is_stored_upright(orientation, corner):
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = media.clean(encoded(picture(), exif=exif))
    assert (photo.width > photo.height) == (orientation in (1, 3))
    row, column = (40 if at == 0 else -40 for at in corner)
    assert is_red(media.to_array(photo.jpeg)[row, column])


def test_a_turned_heic_is_turned_once():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = picture()
    image.info["exif"] = exif.tobytes()  # the encoder then writes both a rotation and the EXIF, as phones do
    photo = media.clean(encoded(image, "HEIF"))
    assert (photo.width, photo.height) == (520, 640)
    assert is_red(media.to_array(photo.jpeg)[40, -40])


def test_no_metadata_is_left_in_the_clean_copy():
    exif = Image.Exif()
    exif[0x010F] = "SECRET camera"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(
        picture(), exif=exif, comment=b"SECRET", icc_profile=profile, xmp=b"<x>SECRET</x>", dpi=(300, 300)
    )
    jpeg = media.clean(data).jpeg
    assert b"SECRET" in data
    assert not any(word in jpeg for word in (b"SECRET", b"Exif", b"ICC_PROFILE", b"http://ns.adobe.com"))
    assert set(Image.open(io.BytesIO(jpeg)).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_another_colour_space_is_converted_to_srgb():
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for tag in (b"rTRC", b"gTRC", b"bTRC"):  # a linear curve instead of sRGB's
        at = profile.index(tag)
        offset = int.from_bytes(profile[at + 4 : at + 8], "big")
        profile[offset : offset + 12] = b"curv" + bytes(8)
    plain = media.to_array(media.clean(encoded(picture())).jpeg)
    data = encoded(
        picture(), icc_profile=bytes(profile).replace(b"s\0R\0G\0B", b"x\0y\0z\0w").replace(b"sRGB", b"xyzw")
    )
    assert media.to_array(media.clean(data).jpeg).mean() > plain.mean() + 20


def test_a_broken_colour_profile_is_ignored():
    assert media.clean(encoded(picture(), icc_profile=b"no profile at all")).format == "JPEG"


def test_of_a_phones_two_frames_the_first_wins():
    blue = Image.new("RGB", (640, 520), "blue")
    photo = media.clean(encoded(picture(), "MPO", save_all=True, append_images=[blue]))
    assert photo.format == "JPEG"
    assert is_red(media.to_array(photo.jpeg)[40, 40])


def test_of_several_pictures_in_a_heic_the_primary_wins():
    blue = Image.new("RGB", (640, 520), "blue")
    data = encoded(blue, "HEIF", save_all=True, append_images=[picture()], primary_index=1)
    assert is_red(media.to_array(media.clean(data).jpeg)[40, 40])


@pytest.mark.parametrize(
    "made",
    [
        lambda: frames("PNG"),
        lambda: frames("WEBP"),
        lambda: frames("TIFF", 200),
        lambda: frames("GIF"),
        lambda: encoded(picture(), "GIF"),
        lambda: encoded(picture(), "BMP"),
        lambda: encoded(picture(), "PPM"),
        lambda: encoded(picture(), "JPEG2000"),
        lambda: encoded(picture(), "ICO"),
        lambda: b"\0\0\0\x1cftypavif\0\0\0\0mif1avif" + bytes(64),
    ],
    ids=["apng", "webp", "tiff", "gif", "still gif", "bmp", "ppm", "jp2", "ico", "avif"],
)
def test_animations_pages_and_other_formats_are_unsupported(made):
    assert code_for(made()) == "unsupported_format"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"hello",
        b"%PDF-1.7\n%...",
        b"PK\x03\x04" + bytes(100),
        b"BM, a letter",
        bytes(1000),
        b"\0\0\0\x18ftypmp42" + bytes(100),
        b"RIFF\0\0\0\0WAVEfmt ",
    ],
)
def test_what_is_no_picture_is_not_an_image(data):
    assert code_for(data) == "not_an_image"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF"])
def test_a_truncated_picture_is_unreadable(kind):
    data = encoded(picture(), kind)
    assert code_for(data[: len(data) // 2]) == "unreadable"
    assert code_for(data[:20]) == "unreadable"


def png_header(width, height):
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize("size", [(10_000, 7_000), (60_000, 60_000), (8_100, 8_100)])
def test_a_bomb_is_refused_by_its_header(size):
    image_data = b"IDAT" + zlib.compress(bytes(1000))
    chunk = struct.pack(">I", len(image_data) - 4) + image_data + struct.pack(">I", zlib.crc32(image_data))
    assert code_for(png_header(*size) + chunk) == "too_large"


def test_a_file_over_25_mb_is_too_large():
    assert code_for(encoded(picture()) + bytes(media.MAX_BYTES)) == "too_large"


def test_a_short_side_under_512_pixels_is_too_small():
    assert code_for(encoded(picture(2000, 511))) == "too_small"
    assert media.clean(encoded(picture(600, 512))).height == 512


@pytest.mark.parametrize(
    "program",
    [
        "import time; time.sleep(60)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "raise SystemExit(0)",
        "import sys; sys.stdin.buffer.read(); print('rubbish')",
        "import sys; sys.stdin.buffer.read(); print('[]')",
        'import sys; sys.stdin.buffer.read(); print(\'{"code": ""}\')',
        "import sys; sys.stdin.buffer.read(); print('{\"code\": [1]}')",
        'import sys; sys.stdin.buffer.read(); print(\'{"code": "", "width": 900, "height": 900}\')',
        "while True: print('x' * 100_000)",
    ],
)
def test_a_child_that_hangs_dies_or_raves_makes_the_photo_unreadable(program):
    answer = media.ask_child([sys.executable, "-I", "-c", program], bytes(2_000_000), seconds=0.5)
    with pytest.raises(PhotoRefused) as refused:
        media.read_answer(answer, "JPEG")
    assert refused.value.code == "unreadable"


def test_a_picture_survives_png_exactly_and_jpeg_nearly():
    array = np.asarray(picture())
    assert np.array_equal(media.to_array(media.encode_png(array)), array)
    assert np.abs(media.to_array(media.encode_jpeg(array, 95)).astype(int) - array).mean() < 3


@pytest.mark.parametrize("photos, pictures", [(12, 6), (1, 1), (0, 3), (3, 0)])
def test_a_contact_sheet_holds_photos_above_and_captioned_pictures_below(photos, pictures):
    one, other = np.asarray(picture()), np.asarray(picture(192, 240))
    captions = [f"likeness {0.8 + at / 100:.2f}" for at in range(pictures)]
    sheet = media.to_array(media.contact_sheet([one] * photos, [other] * pictures, captions, title="A twin"))
    assert sheet.shape[1] == 1600
    assert tuple(sheet[0, 0]) == (250, 247, 242)


def test_a_contact_sheet_wants_a_caption_for_each_picture():
    with pytest.raises(ValueError, match="1 pictures, 0 captions"):
        media.contact_sheet([], [np.asarray(picture())], [])
