"""Sends errors to Sentry, or to what takes its envelopes (GlitchTip, Bugsink), where SENTRY_DSN is set.

An event is made of what a log line may say (config/logs.py): type, frames and ids. It has no values of
variables, no request, no words and no address.
"""

from __future__ import annotations

import json
import logging
import traceback
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2

from config import logs
from config.sending import Sender

SECONDS = 5.0
Event = dict[str, Any]


class Place(NamedTuple):
    url: str
    headers: dict[str, str]


def place(dsn: str) -> Place:
    """Of https://PUBLIC_KEY@HOST/PROJECT, which config/start/env.py has checked."""
    parts = urlsplit(dsn)
    path, _slash, project = parts.path.rpartition("/")
    host = parts.netloc.rpartition("@")[2]
    auth = f"Sentry sentry_key={parts.username}, sentry_version=7, sentry_client=photoflux/1"
    headers = {"X-Sentry-Auth": auth, "Content-Type": "application/x-sentry-envelope"}
    return Place(f"{parts.scheme}://{host}{path}/api/{project}/envelope/", headers)


class Sentry(logging.Handler):
    """Sends records of level ERROR and above."""

    def __init__(self, dsn: str) -> None:
        super().__init__(logging.ERROR)
        self.place, self.sender = place(dsn), Sender(self._send)

    def emit(self, record: logging.LogRecord) -> None:
        self.sender.put(event(record))

    def flush(self) -> None:
        """Also called at the end of a process."""
        self.sender.flush()

    def _send(self, found: list[Event]) -> httpx2.Response:
        """One event a request, as Sentry wants it. Returns the last answer."""
        for each in found:
            answer = httpx2.post(
                self.place.url, content=envelope(each), headers=self.place.headers, timeout=SECONDS
            )
            if answer.is_error:
                break
        return answer


def envelope(found: Event) -> bytes:
    head = {"event_id": found["event_id"], "sent_at": datetime.now(UTC).isoformat()}
    return "\n".join(json.dumps(each) for each in (head, {"type": "event"}, found)).encode()


def event(record: logging.LogRecord) -> Event:
    context = logs.context()
    error = record.exc_info[1] if record.exc_info else None
    return {
        "event_id": uuid.uuid4().hex,
        "timestamp": record.created,
        "platform": "python",
        "level": record.levelname.lower(),
        "logger": record.name,
        "logentry": {"formatted": logs.message(record)},
        "tags": {name: value for name, value in context.items() if value and name != "user.hash"},
        "user": {"id": context["user.hash"]} if context["user.hash"] else {},
        "exception": {"values": list(_exceptions(error)) if error else []},
    }


def _exceptions(error: BaseException) -> Iterator[dict[str, Any]]:
    """The first cause first, as Sentry wants them."""
    for each in reversed(list(logs.chain(error))):
        frames = [
            {"filename": f.filename, "function": f.name, "lineno": f.lineno, "context_line": f.line}
            for f in traceback.extract_tb(each.__traceback__)
        ]
        yield {"type": type(each).__name__, "value": logs.told(each), "stacktrace": {"frames": frames}}
