"""A listener for webhooks, and the check of their signature as a receiver makes it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Queue
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .server import Answer, Asked, Server


@dataclass
class Ear:
    """`heard` holds each request; the answers are `statuses` in turn, then 200."""

    address: str = ""
    heard: Queue[Asked] = field(default_factory=Queue)
    statuses: list[int] = field(default_factory=list)

    def answer(self, asked: Asked) -> Answer:
        status = self.statuses.pop(0) if self.statuses else 200
        self.heard.put(asked)
        return Answer(status, {})

    def next(self) -> Asked:
        return self.heard.get(timeout=20)


@contextmanager
def listening() -> Iterator[Ear]:
    ear = Ear()
    server = Server(ear.answer, lambda: 0.0).begin()
    ear.address = server.address
    yield ear
    server.end()


def is_signed(asked: Asked, jwks: dict[str, Any]) -> bool:
    """Whether one of the keys signed the raw body."""
    own = {name.removeprefix("x-fal-webhook-"): value for name, value in asked.headers.items()}
    digest = hashlib.sha256(asked.body).hexdigest()
    message = "\n".join([own["request-id"], own["user-id"], own["timestamp"], digest]).encode()
    return any(_signed(key, bytes.fromhex(own["signature"]), message) for key in jwks["keys"])


def _signed(key: dict[str, str], signature: bytes, message: bytes) -> bool:
    raw = base64.urlsafe_b64decode(key["x"] + "=")
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except InvalidSignature:
        return False
    return True
