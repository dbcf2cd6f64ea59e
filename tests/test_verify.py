"""POST /api/v1/verify: one answer about a file's origin, in the reader's language, for anybody."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.translation import override
from PIL import Image

from bench.watermark import draw_portrait
from ml import clips, provenance, watermark
from moderation import verdict_sentences

pytestmark = pytest.mark.django_db
MADE = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
IDENT = 0xC0FFEE42


@pytest.fixture
def delivered(tmp_path: Path, settings: Any) -> bytes:
    """A picture as this installation delivers it."""
    settings.KEYS = tmp_path
    signer = provenance.Signer.open(tmp_path / "provenance")
    data = encode(watermark.embed(draw_portrait(1, 256, 320), IDENT))
    return signer.sign(data, "image/png", engine="nano", ident=IDENT, created=MADE)


def encode(picture: Any, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, kind)
    return out.getvalue()


def ask(client: Any, data: bytes, language: str = "en") -> Any:
    file = SimpleUploadedFile("p.png", data)
    return client.post("/api/v1/verify", {"file": file}, headers={"Accept-Language": language}).json()


def test_a_delivered_picture_is_ours_and_says_what_is_known(client: Any, delivered: bytes) -> None:
    found = ask(client, delivered)
    assert found["summary"] == "Made by PhotoFlux (nano engine) on 2026-11-20. The signature is intact."
    assert (found["verdict"], found["ours"], found["signed"]) == ("ours", True, True)
    assert (found["kind"], found["engine"], found["created"]) == ("generated", "nano", "2026-11-20T09:30:00Z")
    assert [reason["code"] for reason in found["reasons"]] == ["signature_intact", "mark_found"]


def test_a_picture_that_was_saved_again_has_one_answer(client: Any, delivered: bytes) -> None:
    found = ask(client, encode(np.asarray(Image.open(io.BytesIO(delivered))), "JPEG"))
    assert (found["verdict"], found["ours"], found["signed"]) == ("ours_changed", True, False)
    assert (found["kind"], found["engine"], found["created"]) == (None, None, None)
    assert [reason["code"] for reason in found["reasons"]] == ["signature_missing", "mark_found"]


def test_the_mark_is_a_trace_and_its_number_is_not_told(client: Any, delivered: bytes) -> None:
    found = ask(client, delivered)
    assert set(found) == {"verdict", "reasons", "ours", "signed", "kind", "engine", "created", "summary"}
    assert str(IDENT) not in str(found)


@pytest.mark.parametrize(
    "language, sentence", [("es", "Hecha por PhotoFlux"), ("zh-hans", "由 PhotoFlux 制作")]
)
def test_the_answer_is_in_the_readers_language(
    client: Any, delivered: bytes, language: str, sentence: str
) -> None:
    found = ask(client, delivered, language)
    assert sentence in found["summary"]
    assert "2026-11-20" in found["summary"]


def test_every_sentence_is_marked_for_translation() -> None:
    for marked, own in (
        (verdict_sentences.VERDICTS, provenance.SENTENCES),
        (verdict_sentences.REASONS, provenance.REASONS),
    ):
        with override("en"):
            assert {code: str(text) for code, text in marked.items()} == own


def test_the_contract_shows_an_answer(client: Any) -> None:
    operation = client.get("/api/v1/openapi.json").json()["paths"]["/api/v1/verify"]["post"]
    examples = operation["responses"]["200"]["content"]["application/json"]["examples"].values()
    assert {one["value"]["verdict"] for one in examples} == {"ours", "ours_changed"}


# ---------------------------------------------------------------- the page


def test_a_clip_is_ours_or_carries_our_mark_or_is_a_strangers(
    client: Any, tmp_path: Path, settings: Any
) -> None:
    settings.KEYS = tmp_path
    still = draw_portrait(1, 320, 320)
    frames = [np.roll(still, i, axis=1) for i in range(12)]
    marked = clips.encode(list(watermark.embed_frames(frames, IDENT)))
    signer = provenance.Signer.open(tmp_path / "provenance")
    signed = signer.sign(marked, "video/mp4", engine="nano", ident=IDENT, created=MADE)
    again = clips.encode(list(clips.decode(signed)))
    for data, says in (
        (signed, "Made by PhotoFlux (nano engine) on 2026-11-20. The signature is intact."),
        (again, "The invisible mark says that this picture came from here."),
        (clips.encode(frames), "Nothing here says that this file came from PhotoFlux."),
    ):
        text = send(client, data, "clip.mp4").text
        assert says in text
        assert "can be checked" not in text


def send(client: Any, data: bytes | None, name: str = "p.png") -> Any:
    return client.post("/verify/", {} if data is None else {"file": SimpleUploadedFile(name, data)})


def test_the_page_says_what_is_known_of_a_delivered_picture(client: Any, delivered: bytes) -> None:
    text = send(client, delivered, "<b>.png").text
    for part in ("The signature is intact.", "our built-in preview engine, nano", "Nov. 20, 2026"):
        assert part in text
    assert "Made by a machine" in text
    assert "<b>.png" not in text


def test_the_page_gives_a_reason_for_each_thing_found(client: Any, delivered: bytes) -> None:
    text = send(client, encode(np.asarray(Image.open(io.BytesIO(delivered))), "JPEG"), "p.jpg").text
    assert "The invisible mark says that this picture came from here." in text
    assert "It carries no signature. Saving a file again removes it." in text
    assert "Signed on" not in text  # known from an intact signature alone


@pytest.mark.parametrize("data", [None, b""])
def test_no_file_is_told_and_the_form_stays(client: Any, data: bytes | None) -> None:
    page = send(client, data)
    assert page.status_code == 400
    assert "Choose a file first." in page.text
    assert 'id="verify-form"' in page.text


def test_a_document_gets_an_honest_answer(client: Any) -> None:
    page = send(client, b"%PDF-1.7\n1 0 obj", "paper.pdf")
    assert page.status_code == 200
    assert "This is no picture and no clip that can be checked." in page.text


def test_a_file_that_is_too_large_is_told(client: Any, settings: Any) -> None:
    settings.MAX_UPLOAD = 2**20
    page = send(client, b"x" * (2**20 + 1))
    assert page.status_code == 413
    assert "At most 1 MB can be sent." in page.text


@pytest.fixture
def _counted_anew() -> Iterator[None]:
    caches["redis"].clear()
    yield
    caches["redis"].clear()


@pytest.mark.usefixtures("_counted_anew")
def test_the_page_and_the_api_have_one_limit(client: Any) -> None:
    for _ in range(60):
        client.post("/api/v1/verify")
    page = send(client, b"GIF89a")
    assert (page.status_code, "Retry-After" in page) == (429, True)
    assert "Too many requests." in page.text


def test_anybody_finds_the_page(client: Any) -> None:
    assert client.get("/").text.count('href="/verify/"') == 2  # in the text, and at the foot
