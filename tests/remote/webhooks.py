"""fal's webhooks: signed with Ed25519, sent until they are answered 2xx, keys published as a JWKS."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from .book import Book

TRIES = 10
STALE = 600  # seconds
USER = "double-user"
Row = dict[str, Any]


class Signing:
    """The keys that sign, newest first; only the first one is used."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        seeds = json.loads(file.read_text()) if file and file.exists() else []
        self.keys = [Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)) for seed in seeds]
        if not self.keys:
            self.rotate()

    def rotate(self, *, keep: bool = True) -> None:
        """A new key signs from now on; the old one stays published with `keep`."""
        self.keys = [Ed25519PrivateKey.generate(), *(self.keys if keep else [])]
        if self.file:
            self.file.write_text(json.dumps([_raw(key).hex() for key in self.keys]))

    def jwks(self) -> Row:
        return {"keys": [_public(key) for key in self.keys]}

    def headers(self, body: bytes, request_id: str, at: float, *, forged: bool = False) -> dict[str, str]:
        key = Ed25519PrivateKey.generate() if forged else self.keys[0]
        message = "\n".join([request_id, USER, str(int(at)), hashlib.sha256(body).hexdigest()])
        return {
            "Content-Type": "application/json",
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": USER,
            "X-Fal-Webhook-Timestamp": str(int(at)),
            "X-Fal-Webhook-Signature": key.sign(message.encode()).hex(),
        }


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())


def _public(key: Ed25519PrivateKey) -> Row:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": hashlib.sha256(raw).hexdigest()[:16]}


class Post:
    """Delivers webhooks in the background; `sent` says what became of each try.

    `pause`: seconds before the second try; doubles each time."""

    def __init__(self, book: Book, signing: Signing, pause: float) -> None:
        self.book, self.signing, self.pause = book, signing, pause
        self.sent: list[Row] = []
        self._pool = ThreadPoolExecutor(8, "webhook")
        self._closed = Event()

    def send(self, url: str, body: Row, **how: Any) -> None:
        self._pool.submit(self.deliver, url, body, **how)

    def deliver(self, url: str, body: Row, *, tries: int = TRIES, **how: Any) -> bool:
        """True when it was answered 2xx."""
        closed = self._closed
        for attempt in range(tries):
            if self._try(url, body, how):
                return True
            if closed.wait(self.pause * 2**attempt):
                return False
        return False

    def _try(self, url: str, body: Row, how: Row) -> bool:
        raw = json.dumps(body).encode() + b" " * how.get("padding", 0)
        at = self.book.now() - (STALE if how.get("stale") else 0)
        headers = self.signing.headers(raw, body["request_id"], at, forged=bool(how.get("forged")))
        place, more = self.book.there(url)
        status = post(place, raw, headers | more) if place else 0
        row = {"url": url, "request_id": body["request_id"], "status": body["status"], "answer": status}
        self.sent.append(row | {"how": how})
        return 200 <= status < 300

    def clear(self) -> None:
        self._closed.set()
        self._closed = Event()
        self.sent = []


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The status of the answer, 0 without one."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=10)
    try:
        connection.request("POST", parts._replace(scheme="", netloc="").geturl(), body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def body_of(request_id: str, gateway_id: str, status: int, payload: Any) -> Row:
    """The body of a webhook. `status`: the HTTP status of the result."""
    row = {"request_id": request_id, "gateway_request_id": gateway_id or str(uuid.uuid4())}
    if status == 200:
        return row | {"status": "OK", "payload": payload, "error": None}
    return row | {"status": "ERROR", "error": f"Invalid status code: {status}", "payload": payload}
