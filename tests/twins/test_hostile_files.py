"""Hostile files through the real API and the real decoder process: each is refused with a code and nothing
is kept."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from tests.conftest import jpeg
from tests.studio import JudgeDouble

pytestmark = pytest.mark.django_db


def saved(kind: str, pages: int = 1, size: tuple[int, int] = (640, 640), **options: Any) -> bytes:
    out, frames = io.BytesIO(), [Image.new("RGB", size, (i * 90 % 256, 90, 90)) for i in range(pages)]
    frames[0].save(
        out, kind, **({"save_all": True, "append_images": frames[1:]} if pages > 1 else {}), **options
    )
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header states a huge size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def with_gps() -> bytes:
    image, exif = Image.new("RGB", (640, 640), (9, 90, 90)), Image.Exif()
    exif[0x010F] = "Camera of Alice"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


CASES = {
    "gif": (saved("GIF"), "unsupported_format"),
    "animated gif": (saved("GIF", 3), "unsupported_format"),
    "animated webp": (saved("WEBP", 3), "unsupported_format"),
    "many pages": (saved("TIFF", 200, (64, 64)), "unsupported_format"),
    "70 megapixels": (bomb(10_000, 7_000), "too_large"),
    "a billion pixels": (bomb(65_000, 65_000), "too_large"),
    "cut off": (jpeg()[:2000], "unreadable"),
    "a head alone": (b"\xff\xd8\xff", "unreadable"),
    "noise": (b"\xff\xd8\xff" + bytes(range(256)) * 50, "unreadable"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_format"),
    "html": (b"<html><script>alert(1)</script>", "not_an_image"),
    "zip": (b"PK\x03\x04" + bytes(100), "not_an_image"),
    "nothing": (b"", "not_an_image"),
}


@pytest.mark.parametrize("data, code", CASES.values(), ids=CASES)
def test_a_hostile_file_is_refused(
    as_alice: Any, twin: Any, judge: JudgeDouble, work: Callable[[], int], data: bytes, code: str
) -> None:
    from accounts.vault.vault import store

    sent = as_alice.post(
        f"/api/v1/twins/{twin.id}/photos", {"file": SimpleUploadedFile("a.jpg", data)}, format="multipart"
    )
    assert sent.status_code == 201
    work()
    photo = twin.photos.get()
    assert (photo.code, photo.accepted) == (code, False)
    assert not store(twin.user_id).exists(photo.quarantine)


def test_where_a_photo_was_taken_is_gone_from_all_that_is_kept(
    as_alice: Any, twin: Any, judge: JudgeDouble, work: Callable[[], int]
) -> None:
    from accounts.vault.vault import store

    as_alice.post(
        f"/api/v1/twins/{twin.id}/photos",
        {"file": SimpleUploadedFile("a.jpg", with_gps())},
        format="multipart",
    )
    work()
    photo, files = twin.photos.get(), store(twin.user_id)
    for name in (photo.clean, photo.thumbnail):
        data = files.read(name)
        assert b"Camera of Alice" not in data
        assert not Image.open(io.BytesIO(data)).getexif()


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd.jpg", "..\\..\\boot.jpg", "a\x00b.jpg", "x" * 400 + ".jpg", "<b>.jpg", "照片.jpg"],
)
def test_a_name_is_a_name_and_no_path(
    as_alice: Any, twin: Any, judge: JudgeDouble, work: Callable[[], int], name: str
) -> None:
    head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    head += "Content-Type: image/jpeg\r\n\r\n"
    body = head.encode() + jpeg() + b"\r\n--b--\r\n"
    sent = as_alice.generic(
        "POST", f"/api/v1/twins/{twin.id}/photos", body, "multipart/form-data; boundary=b"
    )
    assert sent.status_code == 201, sent.content
    work()
    photo = twin.photos.get()
    assert photo.accepted
    assert not set(photo.file_name) & set("/\\\x00")
    assert len(photo.file_name) <= 255


def test_of_a_phones_double_picture_the_first_is_taken(
    as_alice: Any, twin: Any, judge: JudgeDouble, work: Callable[[], int]
) -> None:
    out, frames = io.BytesIO(), [Image.new("RGB", (640, 640), colour) for colour in ("#204080", "#c02020")]
    frames[0].save(out, "MPO", save_all=True, append_images=frames[1:])
    as_alice.post(
        f"/api/v1/twins/{twin.id}/photos",
        {"file": SimpleUploadedFile("a.jpg", out.getvalue())},
        format="multipart",
    )
    work()
    from accounts.vault.vault import store

    photo = twin.photos.get()
    assert photo.accepted
    clean = Image.open(io.BytesIO(store(twin.user_id).read(photo.clean)))
    assert clean.getpixel((300, 300))[2] > 100  # the blue frame is the first
