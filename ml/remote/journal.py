"""The journal of the command line: requests at services in a file of the store."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from ml.types import Request, Store

OPEN = ("sending", "waiting")
COPIES = "copies.json"


class FolderJournal:
    """See ml.types.Journal. Its files are `<name>/requests.json` and `copies.json` in a store. `about` tells
    one piece of work from another of the same name: other photos or another prompt begin anew. `lora` tells
    one LoRA file from another of the same name. There are no webhooks. `hurry` ends a wait early, when
    somebody wants to stop."""

    def __init__(
        self,
        store: Store,
        name: str,
        about: str = "",
        *,
        lora: str = "",
        hurry: Callable[[], bool] = lambda: False,
    ):
        self.store, self.file, self.about = store, f"{name}/requests.json", about
        self.lora, self.hurry = lora, hurry
        self._lock = threading.Lock()

    def open(self, work: str) -> Request | None:
        found = [row for row in self._rows() if row["work"] == work and row["state"] in OPEN]
        return _request(found[-1]) if found else None

    def begin(self, work: str, service: str, model: str) -> Request:
        request = Request(str(uuid.uuid4()), service, model, began=time.time())
        row = asdict(request) | {"work": work, "about": self.about, "state": "sending"}
        with self._lock:
            self._write(self.file, [*self._read(self.file), row])
        return request

    def sent(self, request: Request) -> None:
        self._set(request, **asdict(request), state="waiting")

    def named(self, request: Request) -> str:
        return ""

    def ended(self, request: Request, state: str) -> None:
        self._set(request, state=state)

    def webhook(self, request: Request) -> str:
        return ""

    def wait(self, request: Request, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.hurry() and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.5))

    def copy(self, service: str, name: str) -> str:
        wanted = {"service": service, "name": name, "lora": self.lora}
        live = [
            row for row in self._read(COPIES) if row["until"] > time.time() and wanted.items() <= row.items()
        ]
        return str(live[-1]["url"]) if live else ""

    def copied(self, service: str, name: str, url: str, seconds: float) -> None:
        row = {"service": service, "name": name, "lora": self.lora, "url": url}
        with self._lock:
            live = [each for each in self._read(COPIES) if each["until"] > time.time()]
            self._write(COPIES, [*live, row | {"until": time.time() + seconds}])

    def waiting(self) -> list[Request]:
        """What runs there now."""
        return [_request(row) for row in self._rows() if row["state"] == "waiting"]

    def _rows(self) -> list[dict[str, Any]]:
        return [row for row in self._read(self.file) if row["about"] == self.about]

    def _set(self, request: Request, **facts: Any) -> None:
        with self._lock:
            rows = self._read(self.file)
            for row in rows:
                if row["reference"] == request.reference:
                    row.update(facts)
            self._write(self.file, rows)

    def _read(self, file: str) -> list[dict[str, Any]]:
        return list(json.loads(self.store.read(file))) if self.store.exists(file) else []

    def _write(self, file: str, rows: list[dict[str, Any]]) -> None:
        self.store.write(file, json.dumps(rows, indent=1).encode())


def _request(row: dict[str, Any]) -> Request:
    known = {name: row[name] for name in Request.__dataclass_fields__}
    return replace(Request(**known), urls=tuple(row["urls"]))
