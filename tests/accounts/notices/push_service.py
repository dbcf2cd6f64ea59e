"""A push service as the standards have it: it checks who sends, keeps what it was sent, and decrypts it with
the keys of the browsers that subscribed."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from accounts.notices.webpush import CURVE, decode, encode, point

AUTH = bytes(range(16))


def hmac256(key: bytes, data: bytes) -> bytes:
    h = hmac.HMAC(key, hashes.SHA256())
    h.update(data)
    return h.finalize()


def decrypt(body: bytes, key: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """RFC 8291, section 4, step by step as a browser does it."""
    salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
    sender, sealed = body[21 : 21 + length], body[21 + length :]
    assert (len(sender), len(body) <= size) == (65, True)
    shared = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender))
    info = b"WebPush: info\0" + point(key.public_key()) + sender
    secret = hmac256(hmac256(auth, shared), info + b"\1")
    pseudo = hmac256(salt, secret)
    content = hmac256(pseudo, b"Content-Encoding: aes128gcm\0\1")[:16]
    nonce = hmac256(pseudo, b"Content-Encoding: nonce\0\1")[:12]
    text, mark = (plain := AESGCM(content).decrypt(nonce, sealed, None))[:-1], plain[-1:]
    assert mark == b"\2"
    return text


@dataclass
class PushService:
    """`answer`: (status, headers) of each next request; 201 when empty. `key`: whose proof it takes."""

    key: str
    answer: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    received: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    browsers: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status, headers = service.take(self.path, dict(self.headers), self.body())
                self.send_response(status)
                for name, value in ({"Content-Length": "0"} | headers).items():
                    self.send_header(name, value)
                self.end_headers()

            def body(self) -> bytes:
                return self.rfile.read(int(self.headers["Content-Length"]))

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def subscribe(self, name: str = "one") -> dict[str, Any]:
        """What a browser's PushSubscription is as JSON."""
        key = self.browsers.setdefault(f"/{name}", ec.generate_private_key(CURVE))
        keys = {"p256dh": encode(point(key.public_key())), "auth": encode(AUTH)}
        return {"endpoint": f"{self.origin}/{name}", "keys": keys}

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        assert int(headers["Ttl"] if "Ttl" in headers else headers["TTL"]) > 0
        assert headers["Content-Encoding"] == "aes128gcm"
        if not self._is_proven(headers["Authorization"]):
            return 403, {}
        if path not in self.browsers:
            return 404, {}
        answer = self.answer.pop(0) if self.answer else (201, {"Location": f"{self.origin}/m/1"})
        if answer[0] == 201:
            self.received.append((path, headers, json.loads(decrypt(body, self.browsers[path], AUTH))))
        return answer

    def _is_proven(self, header: str) -> bool:
        """RFC 8292: signed with the key that the browser subscribed with, for a day at most."""
        token, key = (part.split("=", 1)[1] for part in header.removeprefix("vapid ").split(","))
        if key != self.key:
            return False
        public = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decode(key))
        claims = jwt.decode(token, public, algorithms=["ES256"], audience=self.origin)
        return claims["exp"] - time.time() <= 86400 and claims["sub"].startswith(("mailto:", "https://"))

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
