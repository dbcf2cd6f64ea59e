"""fal's storage: tokens, uploads at once or in parts, and files at their addresses."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime
from typing import Any

from .contract import header_faults
from .server import Answer, Asked
from .service import Refused, Service
from .shelf import Stored

TOKEN_SECONDS = 3600
PART = 10 << 20  # bytes of a part at most; each but the last is of one size
STORAGE_TYPES = ("fal-cdn-v3", "gcs")


class Storage:
    """The storage of a service that has keys (`admit`)."""

    def __init__(self, service: Service) -> None:
        self.service, self.book, self.shelf = service, service.book, service.shelf
        self.tokens: dict[str, float] = {}  # token -> when it expires
        self.parts: dict[str, dict[int, bytes]] = {}  # of uploads that are not complete
        file = r"/files/b/(?P<id>\w+)/[^/]*"
        part = file + r"/multipart/(?P<upload>\w+)"
        service.routes += [
            ("POST", "/storage/auth/token", self.token),
            ("POST", "/storage/upload/initiate", self.initiate),
            ("PUT", r"/files/put/(?P<id>\w+)", self.put),
            ("POST", "/files/upload", self.upload),
            ("POST", "/files/upload/multipart", self.begin_parts),
            ("PUT", part + r"/(?P<number>\d+)", self.put_part),
            ("POST", part + "/complete", self.complete),
            ("GET", file, self.fetch),
            ("HEAD", file, self.fetch),
        ]

    def token(self, asked: Asked) -> Answer:
        self.service.suffer("token")
        self.service.admit(asked)
        self._check_type(asked)
        if json.loads(asked.body or b"null") != {}:
            self.book.breach("the body of /storage/auth/token is {}")
        token, ends = secrets.token_urlsafe(24), self.book.now() + TOKEN_SECONDS
        self.tokens[token] = ends
        expires_at = datetime.fromtimestamp(ends, UTC).isoformat()
        more = {"base_url": self.service.address, "expires_at": expires_at}
        return Answer(200, {"token": token, "token_type": "Bearer", **more})

    def _check_type(self, asked: Asked) -> None:
        if asked.query.get("storage_type") not in STORAGE_TYPES:
            self.book.breach(f"{asked.path}: storage_type is one of {STORAGE_TYPES}")
            raise Refused(422, {"detail": "storage_type"})

    def initiate(self, asked: Asked) -> Answer:
        self.service.suffer("upload")
        self.service.admit(asked)
        self._check_type(asked)
        row = json.loads(asked.body)
        stored = self._stored(asked, row["file_name"], row["content_type"], complete=False)
        base = self.service.address
        return Answer(200, {"upload_url": f"{base}/files/put/{stored.id}", "file_url": base + stored.path()})

    def put(self, asked: Asked, id: str) -> Answer:
        stored = self._incomplete(id)
        stored.data, stored.complete = asked.body, True
        self.shelf.save(stored)
        return Answer(200, b"")

    def upload(self, asked: Asked) -> Answer:
        self.service.suffer("upload")
        self._bearer(asked)
        name = asked.headers.get("x-fal-file-name", "upload.bin")
        stored = self._stored(asked, name, asked.headers.get("content-type", ""), data=asked.body)
        return Answer(200, {"access_url": self.service.address + stored.path()})

    def begin_parts(self, asked: Asked) -> Answer:
        self.service.suffer("upload")
        self._bearer(asked)
        name = asked.headers.get("x-fal-file-name", "upload.bin")
        stored = self._stored(asked, name, asked.headers.get("content-type", ""), complete=False)
        self.parts[stored.id] = {}
        return Answer(200, {"access_url": self.service.address + stored.path(), "uploadId": stored.id})

    def put_part(self, asked: Asked, id: str, upload: str, number: str) -> Answer:
        self._bearer(asked)
        self._incomplete(id)
        if not asked.body or len(asked.body) > PART or int(number) < 1:
            self.book.breach(f"part {number} of {len(asked.body)} bytes")
        self.parts[upload][int(number)] = asked.body
        return Answer(200, b"", {"ETag": etag(asked.body)})

    def complete(self, asked: Asked, id: str, upload: str) -> Answer:
        self._bearer(asked)
        stored, parts = self._incomplete(id), self.parts.pop(upload)
        told = [(row["partNumber"], row["etag"]) for row in json.loads(asked.body)["parts"]]
        if sorted(told) != [(number, etag(parts[number])) for number in sorted(parts)]:
            raise Refused(400, {"detail": "the parts are not those that were sent"})
        self._check_parts(parts)
        stored.data, stored.complete = b"".join(parts[number] for number in sorted(parts)), True
        self.shelf.save(stored)
        return Answer(200, {"access_url": self.service.address + stored.path()})

    def _check_parts(self, parts: dict[int, bytes]) -> None:
        """Numbered from 1, all of one size but the last, which is not larger."""
        numbers, sizes = sorted(parts), [len(parts[number]) for number in sorted(parts)]
        even = len(set(sizes[:-1])) <= 1 and (not sizes or sizes[-1] <= sizes[0])
        if not sizes or numbers != list(range(1, len(numbers) + 1)) or not even:
            self.book.breach(f"the parts {numbers} have {sizes} bytes")

    def fetch(self, asked: Asked, id: str) -> Answer:
        kind, _, token = asked.headers.get("authorization", "").partition(" ")
        live = self.tokens.get(token, 0) > self.book.now()
        owner = (kind == "Key" and token in self.book.keys) or (kind == "Bearer" and live)
        return self.service.fetch(asked, id, owner)

    def _bearer(self, asked: Asked) -> None:
        kind, _, token = asked.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or self.tokens.get(token, 0) <= self.book.now():
            raise Refused(401, {"detail": "the token is missing, unknown or expired"})

    def _incomplete(self, id: str) -> Stored:
        stored = self.shelf.files.get(id)
        if stored is None or stored.complete:
            raise Refused(404, {"detail": "Not Found"})
        return stored

    def _stored(self, asked: Asked, name: str, kind: str, data: bytes = b"", **more: Any) -> Stored:
        if faults := header_faults(asked.headers):
            for fault in faults:
                self.book.breach(fault)
            raise Refused(422, {"detail": faults[0]})
        return self.shelf.put(data, name, kind, **self.life(asked.headers), **more)

    def life(self, headers: dict[str, str]) -> dict[str, Any]:
        """Expiry and access as the headers ask for."""
        header = headers.get("x-fal-object-lifecycle") or headers.get("x-fal-object-lifecycle-preference")
        return life_of(json.loads(header or "{}"), self.book.now())


def life_of(wish: dict[str, Any], now: float, default: float | None = None) -> dict[str, Any]:
    lasts = wish.get("expiration_duration_seconds", default)
    acl = wish.get("initial_acl", {}).get("default", "")
    return {"expires": now + lasts if lasts else None, "acl": acl, "made": now}


def etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
