"""Checks fal's webhooks: an Ed25519 signature over the raw body. Torch-free; the web process reads it.

The signed text is the request's id, the user's id and the time from the headers, and the SHA-256 of the raw
body in lower-case hex, joined by line feeds. fal publishes the keys as a JSON Web Key Set (RFC 8037) and
changes them; a copy may be kept for a day.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ml.errors import MLError
from ml.remote.strict import BadJson, is_id, parse

TOLERANCE = 300  # seconds between their clock and ours
MOST_BYTES = 1_000_000  # of a webhook's body
MOST_KEYS = 20
KEEP_KEYS = 24 * 3600  # seconds for which a set of keys may be kept
HEADERS = ("request-id", "user-id", "timestamp", "signature")


def verify(headers: Mapping[str, str], raw_body: bytes, keys: Iterable[bytes], now: float) -> str:
    """The id of the request that the webhook tells of. `keys`: see `parse_jwks`; `now`: seconds since 1970.

    MLError `webhook_unsigned` (no signature), `webhook_stale` (of another time), `webhook_forged` (signed by
    none of the keys; they may be out of date), `webhook_bad` (too large, no JSON or without an id).
    """
    said = _headers(headers)
    if len(raw_body) > MOST_BYTES:
        raise MLError("webhook_bad", "This webhook is too large.")
    if not all(said.values()):
        raise MLError("webhook_unsigned", "This webhook has no signature.")
    _check_time(said["timestamp"], now)
    if not is_signed(said, raw_body, keys):
        raise MLError("webhook_forged", "This webhook's signature is by none of the service's keys.")
    return _request_of(raw_body, said["request-id"])


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    lower = {name.lower(): value for name, value in headers.items()}
    return {name: lower.get(f"x-fal-webhook-{name}", "").strip() for name in HEADERS}


def _check_time(timestamp: str, now: float) -> None:
    plain = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
    if not plain or abs(now - int(timestamp)) > TOLERANCE:
        raise MLError("webhook_stale", "This webhook is older or newer than five minutes.")


def is_signed(said: Mapping[str, str], raw_body: bytes, keys: Iterable[bytes]) -> bool:
    digest = hashlib.sha256(raw_body).hexdigest()
    text = "\n".join((said["request-id"], said["user-id"], said["timestamp"], digest)).encode()
    try:
        signature = bytes.fromhex(said["signature"])
    except ValueError:
        return False
    return any(_signed_by(key, signature, text) for key in keys)


def _signed_by(key: bytes, signature: bytes, text: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def _request_of(raw_body: bytes, header: str) -> str:
    """The body's request id. The header names it or the gateway's id of the last try."""
    try:
        body = parse(raw_body)
    except BadJson:
        body = None
    body = body if isinstance(body, dict) else {}
    found = body.get("request_id")
    if not is_id(found) or header not in (found, body.get("gateway_request_id")):
        raise MLError("webhook_bad", "This webhook names no request.")
    return found


def parse_jwks(data: bytes) -> tuple[bytes, ...]:
    """The Ed25519 keys (32 bytes each) of a JSON Web Key Set; others are left out. MLError `webhook_keys_bad`
    when there is none."""
    try:
        said = parse(data)
    except BadJson:
        said = None
    listed = said.get("keys") if isinstance(said, dict) else None
    found = [_key(one) for one in listed[:MOST_KEYS]] if isinstance(listed, list) else []
    keys = tuple(key for key in found if key)
    if not keys:
        raise MLError("webhook_keys_bad", "The service's list of keys has none that can be used.")
    return keys


def _key(one: object) -> bytes | None:
    if not isinstance(one, dict) or one.get("kty") != "OKP" or one.get("crv") != "Ed25519":
        return None
    text = one.get("x")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)  # type: ignore[operator,arg-type]
    except (binascii.Error, ValueError, TypeError):
        return None
    return key if len(key) == 32 else None
