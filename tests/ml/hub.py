"""A small model hub on loopback. It answers the requests of huggingface_hub 2.4.0, serves large files from
another host, and fails on demand."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class StoredRepository:
    """A repository at one commit. With `token`, downloads require it; listing does not."""

    commit: str
    files: dict[str, bytes]
    licence: str = "apache-2.0"
    token: str | None = None


@dataclass
class HubDouble:
    repositories: dict[str, StoredRepository] = field(default_factory=dict)
    cuts: dict[str, list[int]] = field(
        default_factory=dict
    )  # path -> how many bytes each answer sends before it ends
    swaps: dict[str, bytes] = field(default_factory=dict)  # path -> wrong bytes to send
    lost: set[str] = field(default_factory=set)  # listed, but answered with 404
    whole: bool = False  # ignores ranges
    busy: int = 0  # how many requests are first answered with 503
    ranges: list[tuple[str, int]] = field(
        default_factory=list
    )  # (path, first byte) of each request for bytes
    bytes_sent: int = 0
    leaked: bool = False  # the token was sent to the other host

    def __enter__(self) -> HubDouble:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            hub = outer

            def do_GET(self) -> None:
                answer(self)

            do_HEAD = do_GET

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.server.shutdown()
        self.server.server_close()


def answer(request: Any) -> None:
    hub, path = request.hub, unquote(urlsplit(request.path).path)
    if hub.busy:
        hub.busy -= 1
        return refuse(request, 503, "")
    if path.startswith("/cdn/"):
        hub.leaked |= "Authorization" in request.headers
        _, _, owner, name, file = path.split("/", 4)
        return send(request, file, hub.repositories[f"{owner}/{name}"].files[file])
    api = path.startswith("/api/models/")
    owner, name, verb, revision, *rest = path.removeprefix("/api/models").split("/")[1:]
    stored = hub.repositories.get(f"{owner}/{name}")
    if stored is None:
        return refuse(request, 404, "RepoNotFound")
    if revision not in ("main", stored.commit):
        return refuse(request, 404, "RevisionNotFound")
    if api and verb == "revision":
        return say(request, listing(f"{owner}/{name}", stored))
    given = request.headers.get("Authorization")
    if stored.token and given != f"Bearer {stored.token}":
        return refuse(request, 403 if given else 401, "GatedRepo")
    file = "/".join(rest)
    if file not in stored.files or file in hub.lost:
        return refuse(request, 404, "EntryNotFound")
    return resolve(request, f"{owner}/{name}", stored, file)


def is_large(path: str) -> bool:
    return path.endswith(".safetensors")


def git_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def listing(name: str, stored: StoredRepository) -> dict[str, Any]:
    siblings = []
    for path, data in stored.files.items():
        row: dict[str, Any] = {"rfilename": path, "size": len(data), "blobId": git_id(data)}
        if is_large(path):
            row["blobId"] = git_id(b"a pointer")
            row["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        siblings.append(row)
    return {
        "id": name,
        "modelId": name,
        "sha": stored.commit,
        "private": False,
        "gated": "auto" if stored.token else False,
        "tags": [],
        "downloads": 0,
        "cardData": {"license": stored.licence},
        "siblings": siblings,
    }


def resolve(request: Any, name: str, stored: StoredRepository, file: str) -> None:
    """Sends a small file; redirects to a large one, with its etag and size."""
    data = stored.files[file]
    request.extra = {"X-Repo-Commit": stored.commit}
    if not is_large(file):
        return send(request, file, data, etag=git_id(data))
    request.send_response(302)
    for key, value in {
        **request.extra,
        "Location": f"http://localhost:{request.hub.port}/cdn/{name}/{file}",
        "Content-Length": "0",
        "X-Linked-Size": str(len(data)),
        "X-Linked-Etag": f'"{hashlib.sha256(data).hexdigest()}"',
    }.items():
        request.send_header(key, value)
    return request.end_headers()


def send(request: Any, file: str, data: bytes, etag: str = "") -> None:
    hub, asked = request.hub, request.headers.get("Range")
    start = 0 if hub.whole or not asked else int(asked.removeprefix("bytes=").rstrip("-"))
    body = hub.swaps.get(file, data)[start:]
    request.send_response(206 if start else 200)
    if start:
        request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
    for key, value in {
        **getattr(request, "extra", {}),
        "ETag": f'"{etag}"',
        "Content-Length": str(len(body)),
    }.items():
        request.send_header(key, value)
    request.end_headers()
    if request.command == "HEAD":
        return
    hub.ranges.append((file, start))
    if hub.cuts.get(file):
        body = body[: hub.cuts[file].pop(0)]
    hub.bytes_sent += len(body)  # before the client can have read it and ask
    request.wfile.write(body)


def say(request: Any, found: Any) -> None:
    body = json.dumps(found).encode()
    request.send_response(200)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def refuse(request: Any, status: int, code: str) -> None:
    request.send_response(status)
    request.send_header("X-Error-Code", code)
    request.send_header("Content-Length", "0")
    request.end_headers()
