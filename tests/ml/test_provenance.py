import io
import stat
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.watermark import draw_portrait
from ml import provenance, watermark
from ml.errors import MLError
from ml.provenance import Signer, make_chain, verify

MADE = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
IDENT = 0xC0FFEE42
GONE = "The signature is gone, but the invisible mark says it came from here."
NOTHING = "Nothing here says that this file came from PhotoFlux."


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return Signer.open(tmp_path_factory.mktemp("signer"))


@pytest.fixture(scope="module")
def picture():
    return draw_portrait(1, 384, 512)


@pytest.fixture(scope="module")
def marked(picture):
    return watermark.embed(picture, IDENT)


def encode(picture, kind="PNG", **options):
    out = io.BytesIO()
    Image.fromarray(picture).save(out, kind, **options)
    return out.getvalue()


def decode(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def sign(signer, data, mime="image/png"):
    return signer.sign(data, mime, engine="nano", ident=IDENT, created=MADE)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_signed_picture_says_who_made_it_and_when(signer, marked, kind):
    signed = sign(signer, encode(marked, kind), f"image/{kind.lower()}")
    found = verify(signed, roots=signer.root_pem)
    assert found.signed
    assert found.ours
    assert (found.engine, found.created, found.ident) == ("nano", "2026-11-20T09:30:00Z", IDENT)
    assert found.summary == "Made by PhotoFlux (nano engine) on 2026-11-20; the signature is intact."
    assert np.array_equal(decode(signed), decode(encode(marked, kind)))


def test_a_signature_adds_a_few_kilobytes_and_no_thumbnail(signer, marked):
    data = encode(marked)
    assert len(sign(signer, data)) - len(data) < 5_000


def test_pixels_changed_after_signing_break_the_signature(signer, marked):
    signed = bytearray(sign(signer, encode(marked, "JPEG"), "image/jpeg"))
    signed[-2000] ^= 1
    found = verify(bytes(signed), roots=signer.root_pem)
    assert not found.signed
    assert found.engine is None
    assert found.reason == "the file was changed after signing"


def test_a_damaged_signature_is_said_to_be_one(signer, marked):
    signed = sign(signer, encode(marked))
    found = verify(signed.replace(b"jumb", b"jump"), roots=signer.root_pem)
    assert (found.signed, found.reason) == (False, "the signature is damaged")


def test_a_signature_by_somebody_elses_key_is_not_ours(signer, marked):
    leaf, root, key = make_chain()
    forged = sign(Signer(leaf + root, key), encode(marked))
    found = verify(forged, roots=signer.root_pem)
    assert (found.signed, found.ours, found.reason) == (True, False, "the key is not one of ours")
    assert "the key is not one of ours" in found.summary


def test_without_roots_nobody_is_taken_for_us(signer, marked):
    assert not verify(sign(signer, encode(marked))).ours


def test_after_a_re_save_the_mark_alone_is_left(signer, marked):
    saved = encode(decode(sign(signer, encode(marked))), "JPEG", quality=70)
    found = verify(saved, roots=signer.root_pem)
    assert (found.signed, found.ident, found.summary) == (False, IDENT, GONE)


def test_pixels_that_are_already_decoded_are_used(marked):
    assert verify(b"whatever", marked).ident == IDENT


def test_bytes_of_any_kind_get_an_answer(signer, marked):
    signed = sign(signer, encode(marked))
    png, jpeg, mp4 = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"\0\0\0\x18ftypisom"
    for data in (b"", b"\0" * 99, signed[:300], png + b"\xff" * 99, jpeg + bytes(99), mp4 + bytes(99)):
        found = verify(data, roots=b"no certificate")
        assert (found.signed, found.ident) == (False, None)


def test_a_plain_picture_says_nothing(signer, picture):
    assert verify(encode(picture), roots=signer.root_pem).summary == NOTHING


def test_a_picture_of_too_many_pixels_is_not_decoded():
    huge = encode(np.zeros((7100, 7100), np.uint8), compress_level=1)
    with pytest.raises(ValueError, match="too many pixels"):
        provenance._decode(huge)


def test_bytes_that_are_no_picture_are_refused_for_signing(signer):
    with pytest.raises(MLError) as error:
        sign(signer, b"not a picture")
    assert error.value.code == "unsignable"


def test_a_certificate_with_another_key_is_refused():
    (leaf, root, _), (_, _, other) = make_chain(), make_chain()
    with pytest.raises(MLError) as error:
        Signer(leaf + root, other)
    assert error.value.code == "bad_certificate"


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    first, again = Signer.open(tmp_path / "new"), Signer.open(tmp_path / "new")
    assert first.root_pem == again.root_pem
    (path,) = (tmp_path / "new").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def open_root(folder: Path) -> bytes:
    return Signer.open(folder).root_pem


def test_processes_that_start_together_share_one_key(tmp_path):
    with ProcessPoolExecutor(2) as pool:
        assert len(set(pool.map(open_root, [tmp_path] * 4))) == 1
