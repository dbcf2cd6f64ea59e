"""What an operator may say of services, and webhooks that are late, forged or torn."""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ml.catalogue import BASES, base_of, serves
from ml.errors import Away, MLError
from ml.remote import settings, strict, webhooks
from ml.remote.settings import from_environment

NOW = 1_790_000_000


def code_of(call: Any, *args: Any) -> str:
    with pytest.raises(MLError) as e:
        call(*args)
    assert e.value.message.endswith(".")
    return e.value.code


# ---------------------------------------------------------------- settings


def test_a_service_without_a_key_is_not_there() -> None:
    assert from_environment({"FAL_KEYS": " , ", "TOGETHER_URL": "https://example.com"}) == {}


def test_keys_keep_their_order_and_their_service_its_hosts() -> None:
    fal = from_environment({"FAL_KEYS": "new:1, old:2\n"})["fal"]
    assert fal.keys == ("new:1", "old:2")
    assert (fal.rest, fal.files, fal.is_double) == ("https://rest.fal.ai", "https://v3.fal.media", False)
    assert fal.queues == ("https://queue.fal.run", "https://queue.falrun.com")


def test_one_address_stands_for_all_hosts_of_a_double() -> None:
    fal = from_environment({"FAL_KEYS": "a", "FAL_URL": "http://127.0.0.1:8801/"})["fal"]
    assert {*fal.queues, fal.rest, fal.files} == {"http://127.0.0.1:8801"}
    assert fal.jwks == ("http://127.0.0.1:8801/.well-known/jwks.json",)


@pytest.mark.parametrize("keys", ["a\nb", "a b", "schlüssel", "a\x7f", "ok,a\tb"])
def test_a_key_that_no_header_can_carry(keys: str) -> None:
    assert code_of(from_environment, {"FAL_KEYS": keys}) == "engine_misconfigured"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "ftp://127.0.0.1",
        "https://",
        "queue.fal.run",
        "https://a@b.com",
        "https://b.com/?x",
        "http://[::1",
        "https://b.com:x",
        "https://b.com/a b",
        "http://127.0.0.1.example.com",
    ],
)
def test_an_address_that_is_not_https(url: str) -> None:
    assert code_of(from_environment, {"TOGETHER_KEYS": "a", "TOGETHER_URL": url}) == "engine_misconfigured"


def test_keys_are_not_shown() -> None:
    assert "secret" not in repr(settings.Remote("fal", ("secret",)))


# ---------------------------------------------------------------- bases and errors


def test_which_base_renders_which_twin() -> None:
    fal, together = BASES["fal"], BASES["together"]
    assert [serves(fal, name) for name in ("fal", "flux-schnell", "nano")] == [True, False, False]
    assert serves(together, "flux-schnell")
    assert not together.trains


def test_a_picture_at_a_service_is_at_most_a_million_pixels() -> None:
    for name in ("fal", "together"):
        sizes = base_of(name).sizes.by_aspect.values()
        assert all(950_000 < w * h <= 1_000_000 and w % 16 == h % 16 == 0 for w, h in sizes)


def test_errors_cross_to_other_processes_whole() -> None:
    error = pickle.loads(pickle.dumps(Away("engine_away", "It is away.")))
    assert (type(error), error.code, error.message) == (Away, "engine_away", "It is away.")


# ---------------------------------------------------------------- strict JSON


@pytest.mark.parametrize(
    "text",
    [
        '{"a": NaN}',
        "[Infinity]",
        "[1e999]",
        '{"a": 1, "a": 2}',
        "[" * 60 + "]" * 60,
        "[" * 100_000,
        "9" * 50,
        "",
        "<html>",
        '"\ud800"',
    ],
)
def test_json_that_two_readers_read_differently(text: str) -> None:
    with pytest.raises(strict.BadJson):
        strict.parse(text.encode("utf-8", "surrogatepass"))


# ---------------------------------------------------------------- webhooks


class Sender:
    """Signs webhooks as fal does."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    def headers(self, body: bytes, *, request: str = "r1", at: float = NOW) -> dict[str, str]:
        digest = hashlib.sha256(body).hexdigest()
        signed = self.key.sign(f"{request}\nu1\n{int(at)}\n{digest}".encode())
        return {
            "X-Fal-Webhook-Request-Id": request,
            "X-FAL-Webhook-User-Id": "u1",
            "x-fal-webhook-timestamp": str(int(at)),
            "X-Fal-Webhook-Signature": signed.hex(),
        }


BODY = json.dumps({"request_id": "r1", "gateway_request_id": "g1", "status": "OK", "payload": {}}).encode()


def test_a_webhook_names_its_request() -> None:
    sender = Sender()
    assert webhooks.verify(sender.headers(BODY), BODY, [Sender().public, sender.public], NOW + 200) == "r1"
    assert webhooks.verify(sender.headers(BODY, request="g1"), BODY, [sender.public], NOW) == "r1"


@pytest.mark.parametrize("late", [-301, 301, 3600])
def test_a_webhook_of_another_time(late: int) -> None:
    sender = Sender()
    assert (
        code_of(webhooks.verify, sender.headers(BODY), BODY, [sender.public], NOW + late) == "webhook_stale"
    )


def test_a_webhook_whose_body_was_changed() -> None:
    sender = Sender()
    changed = BODY.replace(b"OK", b"ERROR")
    assert code_of(webhooks.verify, sender.headers(BODY), changed, [sender.public], NOW) == "webhook_forged"


def test_a_webhook_of_somebody_else() -> None:
    sender = Sender()
    assert code_of(webhooks.verify, sender.headers(BODY), BODY, [Sender().public], NOW) == "webhook_forged"


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"request_id": 1}', b'{"request_id": "r2"}', b"{}"])
def test_a_webhook_that_names_no_request(body: bytes) -> None:
    sender = Sender()
    assert code_of(webhooks.verify, sender.headers(body), body, [sender.public], NOW) == "webhook_bad"


def test_a_webhook_without_a_signature_or_too_large() -> None:
    sender = Sender()
    headers = sender.headers(BODY)
    for name in headers:
        some = {k: v for k, v in headers.items() if k != name}
        assert code_of(webhooks.verify, some, BODY, [sender.public], NOW) == "webhook_unsigned"
    assert code_of(webhooks.verify, headers, b" " * 1_000_001, [sender.public], NOW) == "webhook_bad"
    odd = headers | {"X-Fal-Webhook-Signature": "no hex"}
    assert code_of(webhooks.verify, odd, BODY, [sender.public], NOW) == "webhook_forged"


def jwk(key: bytes) -> dict[str, Any]:
    x = base64.urlsafe_b64encode(key).decode().rstrip("=")
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "1"}


def test_the_keys_of_webhooks_are_read() -> None:
    key = Sender().public
    odd = [{"kty": "RSA"}, jwk(key) | {"x": "short"}, jwk(key) | {"x": 7}, None, jwk(key)]
    assert webhooks.parse_jwks(json.dumps({"keys": odd}).encode()) == (key,)


@pytest.mark.parametrize("said", [b"", b"[]", b'{"keys": 1}', b'{"keys": []}', b"<html>"])
def test_a_list_without_keys_is_refused(said: bytes) -> None:
    assert code_of(webhooks.parse_jwks, said) == "webhook_keys_bad"
