"""The files of a service: uploads and results at addresses that expire, some of them faulty on purpose."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .server import Answer

METADATA_SERVICE = "http://169.254.169.254/latest/meta-data/"  # a private address nobody may be led to
FIVE_GIGABYTES = 5 << 30
SERVED = "/files/b/"  # the path of every file: /files/b/<id>/<name>


@dataclass
class Stored:
    id: str
    name: str
    kind: str  # MIME type
    data: bytes = field(repr=False)
    role: str = "upload"  # or "result"
    expires: float | None = None
    acl: str = ""  # the default decision, "" is the service's own: everybody who knows the address
    made: float = 0.0
    fault: str = ""
    complete: bool = True  # False while parts or the bytes of an announced upload are missing

    def path(self) -> str:
        return f"{SERVED}{self.id}/{self.name}"

    def row(self) -> dict[str, Any]:
        row = {key: value for key, value in asdict(self).items() if key != "data"}
        return row | {"size": len(self.data), "path": self.path()}


class Shelf:
    """Files by id; kept in `folder` too, where one is given, so that they outlive the process."""

    def __init__(self, folder: Path | None = None) -> None:
        self.files: dict[str, Stored] = {}
        self.folder = folder
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            for facts in folder.glob("*.json"):
                row = json.loads(facts.read_text())
                self.files[row["id"]] = Stored(**row, data=facts.with_suffix(".bin").read_bytes())

    def put(self, data: bytes, name: str, kind: str, **more: Any) -> Stored:
        self.sweep(more.get("made", 0.0))
        stored = Stored(uuid.uuid4().hex, name.replace("/", "_") or "file", kind, data, **more)
        self.files[stored.id] = stored
        return self.save(stored)

    def sweep(self, now: float) -> None:
        """Forgets the bytes of what has expired."""
        for stored in list(self.files.values()):
            if stored.data and has_expired(stored, now):
                stored.data = b""
                self.save(stored)

    def save(self, stored: Stored) -> Stored:
        if self.folder:
            row = {key: value for key, value in asdict(stored).items() if key != "data"}
            (self.folder / f"{stored.id}.bin").write_bytes(stored.data)
            (self.folder / f"{stored.id}.json").write_text(json.dumps(row))
        return stored

    def at(self, url: str, now: float) -> Stored | None:
        """The live file that an address of this service names."""
        _, found, rest = url.partition(SERVED)
        stored = self.files.get(rest.split("/")[0]) if found else None
        return stored if stored and stored.complete and not has_expired(stored, now) else None

    def clear(self) -> None:
        self.files.clear()
        for file in self.folder.iterdir() if self.folder else ():
            file.unlink()


def has_expired(stored: Stored, now: float) -> bool:
    return stored.expires is not None and stored.expires <= now


def serve(stored: Stored | None, now: float, *, owner: bool) -> Answer:
    """The answer to GET. `owner`: whether the request carries a key of the account."""
    if stored is None or not stored.complete or has_expired(stored, now):
        return Answer(404, {"detail": "Not Found"})
    if stored.acl in ("forbid", "hide") and not owner:
        return Answer(403 if stored.acl == "forbid" else 404, {"detail": stored.acl})
    answer = Answer(200, stored.data, {"Content-Type": stored.kind})
    return FAULTS[stored.fault](answer) if stored.fault else answer


# ---------------------------------------------------------------- what may be wrong with a file


def _html(answer: Answer) -> Answer:
    page = b"<!doctype html><title>Sign in</title><p>Please sign in to go on.</p>"
    return Answer(200, page, {"Content-Type": "text/html; charset=utf-8"})


def _redirect(answer: Answer) -> Answer:
    return Answer(302, b"", {"Location": METADATA_SERVICE})


def _huge(answer: Answer) -> Answer:
    return Answer(200, answer.body, answer.headers, length=FIVE_GIGABYTES)


def _endless(answer: Answer) -> Answer:
    """More than anybody should read, without saying so before."""
    return Answer(200, answer.body + bytes(64 << 20), answer.headers)


def _truncated(answer: Answer) -> Answer:
    return Answer(200, answer.body[: len(answer.body) // 2], answer.headers)


def _cut(answer: Answer) -> Answer:
    half = answer.body[: len(answer.body) // 2]
    return Answer(200, half, answer.headers, length=len(answer.body))


FAULTS = {
    "html": _html,
    "pickle": lambda answer: Answer(200, PICKLE, answer.headers),
    "redirect": _redirect,
    "huge": _huge,
    "endless": _endless,
    "truncated": _truncated,
    "cut": _cut,
    "empty": lambda answer: Answer(200, b"", answer.headers),
    "gone": lambda answer: Answer(404, {"detail": "Not Found"}),
    "forbidden": lambda answer: Answer(403, {"detail": "Forbidden"}),
}

# A pickle that would run `exit(3)` in whoever loads it.
PICKLE = b"cos\n_exit\n(I3\ntR."


def data_uri(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
