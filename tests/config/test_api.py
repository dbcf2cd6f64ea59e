"""The API as a whole: its description, its errors, its limits."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.django_db


def test_the_description_is_openapi_31_and_names_every_address(client: Any) -> None:
    from config import urls

    found = json.loads(client.get("/api/v1/openapi.json").content)
    assert found["openapi"].startswith("3.1")
    described = {path.removeprefix("/api/v1/").replace("{", "<").replace("}", ">") for path in found["paths"]}
    served = {str(p.pattern).replace("uuid:", "").replace("slug:", "").replace("int:", "") for p in urls.api}
    assert served <= described


def test_an_unknown_address_answers_404(as_alice: Any) -> None:
    answer = as_alice.get("/api/v1/boats")
    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (
        404,
        "application/problem+json",
        "not_found",
    )


@pytest.mark.parametrize(
    "send, status, code",
    [
        (lambda c: c.put("/api/v1/twins", {}, format="json"), 405, "method_not_allowed"),
        (lambda c: c.post("/api/v1/twins", "{", content_type="application/json"), 400, "malformed"),
        (lambda c: c.post("/api/v1/twins", "x", content_type="text/plain"), 415, "unsupported_media_type"),
        (lambda c: c.post("/api/v1/twins", {}, format="json"), 422, "invalid"),
        (lambda c: c.post("/api/v1/twins", [1], format="json"), 422, "invalid"),
    ],
)
def test_a_wrong_request_gets_a_code_and_a_sentence(as_alice: Any, send: Any, status: int, code: str) -> None:
    answer = send(as_alice)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"].endswith(".")


def test_limits_are_announced_and_enforced(as_alice: Any) -> None:
    first = as_alice.post("/api/v1/exports", {"ids": []}, format="json")
    assert first["RateLimit-Policy"] == '"default";q=20;w=3600'
    last = [as_alice.post("/api/v1/exports", {"ids": []}, format="json") for _ in range(20)][-1]
    assert (last.status_code, last.json()["code"]) == (429, "rate_limited")
    assert int(last["Retry-After"]) > 0


def test_sentences_come_in_the_readers_language(as_alice: Any) -> None:
    said = {
        lang: as_alice.get("/api/v1/boats", HTTP_ACCEPT_LANGUAGE=lang).json()["detail"]
        for lang in ("en", "es", "zh-hans")
    }
    assert len(set(said.values())) == 3


def test_a_new_user_signs_up_and_reads_their_profile(client: Any) -> None:
    made = client.post(
        "/_allauth/app/v1/auth/signup",
        {"email": "carol@example.com", "password": "a long password"},
        content_type="application/json",
    )
    assert made.status_code == 200, made.content
    token = made.json()["meta"]["access_token"]
    me = client.get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert me.json()["email"] == "carol@example.com"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0000019999999999999999999999",
        "limit=000100000",
        "cursor=" + "W" * 3000,
        "cursor=WzAsSW5maW5pdHld",
    ],
)
def test_an_invalid_page_is_refused(as_alice: Any, query: str) -> None:
    for where in ("items", "billing/entries", "twins"):
        assert as_alice.get(f"/api/v1/{where}?{query}").json()["code"] == "invalid"


@pytest.mark.parametrize(
    "path, body",
    [
        ("quote", b'{"kind": "training", "twin": "abc"}'),
        ("me", b'{"notifications": {"\\u0000": true}}'),
        ("exports", b'{"filter": {"\\u0000": "x"}}'),
        ("twins", b"[" * 3000),
        ("twins", b'{"name": "a\\u0000b"}'),
        ("albums", b'{"name": "\\ud800"}'),
    ],
)
def test_a_hostile_body_is_no_server_error(as_alice: Any, path: str, body: bytes) -> None:
    for method in ("post", "patch"):
        answer = getattr(as_alice, method)(f"/api/v1/{path}", body, content_type="application/json")
        assert answer.status_code < 500, answer.content


def test_a_browser_without_a_csrf_token_is_refused_with_a_code(alice: Any) -> None:
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    answer = client.post("/api/v1/albums", {"name": "x"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_authenticated")


def test_the_accept_header_is_ignored(as_alice: Any) -> None:
    assert as_alice.get("/api/v1/me", HTTP_ACCEPT="image/png").status_code == 200
