"""Sends errors to Sentry, or to what takes its envelopes (GlitchTip, Bugsink), where SENTRY_DSN is set.

An event is made of what a log line may say (config/logs.py): type, frames and ids. It has no values of
variables, no request, no words and no address. It is sent by a thread of its own, and dropped when there are
too many.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
import time
import traceback
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2

from config import logs

log = logging.getLogger(__name__)

WAITING, SECONDS, PAUSE = 50, 5.0, 60.0
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
        self.place, self.process, self.quiet_until = place(dsn), 0, 0.0
        self.waiting: queue.Queue[Event] = queue.Queue(WAITING)

    def emit(self, record: logging.LogRecord) -> None:
        if self.process != os.getpid():  # threads do not live on in the children of a worker
            self.process, self.waiting = os.getpid(), queue.Queue(WAITING)
            threading.Thread(target=self._work, args=(self.waiting,), daemon=True).start()
        try:
            self.waiting.put_nowait(event(record))
        except queue.Full:
            log.warning("an error is not reported: too many wait")

    def flush(self) -> None:
        """Waits a moment for what is to be sent, at the end of a process too."""
        end = time.monotonic() + 2
        while self.waiting.unfinished_tasks and self.process == os.getpid() and time.monotonic() < end:
            time.sleep(0.01)

    def _work(self, waiting: queue.Queue[Event]) -> None:
        while True:
            found = waiting.get()
            try:
                self._send(found)
            except httpx2.HTTPError as error:
                log.warning("an error is not reported: %s", error)
            finally:
                waiting.task_done()

    def _send(self, found: Event) -> None:
        """After a 429 nothing is sent until the server wants more."""
        if time.monotonic() < self.quiet_until:
            return
        answer = httpx2.post(
            self.place.url, content=envelope(found), headers=self.place.headers, timeout=SECONDS
        )
        if answer.status_code == 429:
            said = answer.headers.get("Retry-After", "")
            self.quiet_until = time.monotonic() + (float(said) if said.isdigit() else PAUSE)
        elif answer.is_error:
            log.warning("an error is not reported: HTTP %s", answer.status_code)


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
