"""Signatures of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256, version v1."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(keys: Iterable[str], message: str, timestamp: int, body: bytes) -> str:
    """The header webhook-signature: one signature for each secret. While a secret is replaced there are two,
    and a receiver accepts either."""
    signed = f"{message}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_sign(key, signed)}" for key in keys)


def _sign(key: str, signed: bytes) -> str:
    plain = base64.b64decode(key.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(plain, signed, hashlib.sha256)).decode()
