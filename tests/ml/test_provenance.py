"""Signatures, and the one answer about a file's origin."""

import io
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from bench.watermark import crop, draw_portrait
from ml import watermark
from ml.errors import MLError
from ml.provenance import REASONS, SENTENCES, Signer, make_chain, reading, signing, verify, verify_apart

MADE = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
IDENT = 0xC0FFEE42


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


def sign(signer, data, mime="image/png", **more):
    return signer.sign(data, mime, engine="nano", ident=IDENT, created=MADE, **more)


def asked(signer, data):
    """(verdict, reasons) of a file, with this signer's certificates known."""
    found = verify(data, certificates=signer.certificates)
    return found.verdict, *found.reasons


def in_another_name(monkeypatch, data):
    """The file signed by another program with another key."""
    monkeypatch.setattr(signing, "GENERATOR", "Another Camera")
    leaf, root, key = make_chain()
    return sign(Signer(leaf + root, key), data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_signed_picture_says_who_made_it_and_when(signer, marked, kind):
    signed = sign(signer, encode(marked, kind), f"image/{kind.lower()}")
    found = verify(signed, certificates=signer.certificates)
    assert (found.verdict, found.ours, found.signed, found.kind) == ("ours", True, True, "generated")
    assert (found.engine, found.created, found.ident) == ("nano", "2026-11-20T09:30:00Z", IDENT)
    assert found.summary == "Made by PhotoFlux (nano engine) on 2026-11-20. The signature is intact."
    assert found.reasons == ("signature_intact", "mark_found")
    assert np.array_equal(decode(signed), decode(encode(marked, kind)))


def test_an_edited_picture_says_so_and_keeps_what_it_was_made_of(signer, marked):
    made = sign(signer, encode(marked))
    for parent in (made, encode(marked, "JPEG")):
        edited = sign(signer, encode(marked[::-1]), parent=parent)
        found = verify(edited, certificates=signer.certificates)
        assert (found.verdict, found.signed, found.kind, found.engine) == (
            "ours_edited",
            True,
            "edited",
            "nano",
        )
        assert found.summary == "Edited with PhotoFlux (nano engine) on 2026-11-20. The signature is intact."
        assert (signing.GENERATED.encode() in edited) == (parent is made)


def test_a_signature_adds_a_few_kilobytes_and_no_thumbnail(signer, marked):
    data = encode(marked)
    assert len(sign(signer, data)) - len(data) < 5_000


def test_pixels_changed_after_signing_break_the_signature_and_leave_the_mark(signer, marked):
    signed = bytearray(sign(signer, encode(marked, "JPEG"), "image/jpeg"))
    signed[-2000] ^= 1
    assert asked(signer, bytes(signed)) == ("ours_changed", "signature_broken", "mark_found")


def test_a_broken_signature_without_a_mark_says_nothing_of_an_origin(signer, picture):
    signed = bytearray(sign(signer, encode(picture, "JPEG"), "image/jpeg"))
    signed[-2000] ^= 1
    assert asked(signer, bytes(signed)) == ("unknown", "signature_broken", "mark_missing")


def test_a_damaged_signature_is_said_to_be_one(signer, marked):
    signed = sign(signer, encode(marked, "JPEG"), "image/jpeg").replace(b"jumb", b"jump")
    assert asked(signer, signed) == ("ours_changed", "signature_invalid", "mark_found")


def test_a_signature_in_our_name_by_another_key_is_not_ours(signer, picture):
    leaf, root, key = make_chain()
    forged = sign(Signer(leaf + root, key), encode(picture))
    assert asked(signer, forged) == ("others", "signature_not_ours", "mark_missing")
    assert verify(forged).engine is None


def test_a_signature_of_somebody_else_is_told_and_the_mark_below_it(signer, picture, marked, monkeypatch):
    assert asked(signer, in_another_name(monkeypatch, encode(picture)))[:2] == (
        "others",
        "signature_of_others",
    )
    again = asked(signer, in_another_name(monkeypatch, encode(marked)))
    assert again == ("ours_changed", "signature_of_others", "mark_found")


def test_another_leaf_under_our_own_authority_is_not_ours(signer, picture):
    """As with an operator's certificate of a public authority: it signs for others too."""
    _, root = signer.certificates.split(b"-----END CERTIFICATE-----\n", 1)
    other, _, _ = make_chain()
    found = verify(sign(signer, encode(picture)), certificates=other + root)
    assert (found.verdict, found.reasons[0]) == ("others", "signature_not_ours")


def test_without_certificates_nobody_is_taken_for_us(signer, picture):
    assert not verify(sign(signer, encode(picture))).ours


def test_after_a_re_save_the_mark_alone_is_left_and_no_field_contradicts_it(signer, marked):
    saved = encode(decode(sign(signer, encode(marked))), "JPEG", quality=70)
    found = verify(saved, certificates=signer.certificates)
    assert (found.verdict, found.ours, found.signed, found.ident) == ("ours_changed", True, False, IDENT)
    assert found.reasons == ("signature_missing", "mark_found")
    assert (found.kind, found.engine, found.created) == (None, None, None)


def test_a_crop_is_told(signer, marked):
    part = encode(crop(marked)[:, ::-1], "JPEG", quality=80)
    said = ("ours_changed", "signature_missing", "mark_found", "mark_cropped", "mark_mirrored")
    assert asked(signer, part) == said


def test_pixels_that_are_already_decoded_are_used(marked):
    assert verify(b"whatever", marked).ident == IDENT


def test_bytes_of_any_kind_get_an_answer(signer, marked):
    signed = sign(signer, encode(marked))
    png, jpeg, mp4 = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"\0\0\0\x18ftypisom"
    for data in (b"", b"\0" * 99, signed[:300], png + b"\xff" * 99, jpeg + bytes(99), mp4 + bytes(99)):
        found = verify(data, certificates=b"no certificate")
        assert (found.verdict, found.reasons[-1], found.ident) == ("unknown", "pixels_unread", None)


def test_a_child_gives_the_same_answer(signer, marked):
    signed = sign(signer, encode(marked))
    known = signer.certificates
    assert verify_apart(signed, certificates=known) == verify(signed, certificates=known)


def test_a_plain_picture_says_nothing(signer, picture):
    assert asked(signer, encode(picture)) == ("unknown", "signature_missing", "mark_missing")


def test_every_answer_has_a_sentence():
    assert {"ours", "ours_edited", "ours_changed", "others", "unknown"} == set(SENTENCES)
    assert all(text.endswith(".") for text in (*SENTENCES.values(), *REASONS.values()))


def test_a_picture_of_too_many_pixels_is_not_decoded():
    huge = encode(np.zeros((7100, 7100), np.uint8), compress_level=1)
    with pytest.raises(ValueError, match="too many pixels"):
        reading._decode(huge)


def test_bytes_that_are_no_picture_are_refused_for_signing(signer):
    with pytest.raises(MLError) as error:
        sign(signer, b"not a picture")
    assert error.value.code == "unsignable"


def test_nothing_is_signed_as_an_edit_of_what_cannot_be_read(signer, picture):
    with pytest.raises(MLError) as error:
        sign(signer, encode(picture), parent=b"not a picture")
    assert error.value.code == "unsignable"


def test_a_certificate_with_another_key_is_refused():
    (leaf, root, _), (_, _, other) = make_chain(), make_chain()
    with pytest.raises(MLError) as error:
        Signer(leaf + root, other)
    assert error.value.code == "bad_certificate"
