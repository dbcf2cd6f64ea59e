"""Log lines: one JSON object each, with the names of the Elastic Common Schema, and what they belong to.

Every line of a request has its id, also in the worker that does what it asked for: the id travels with the
wake-up (config/runs/broker.py). A user is a pseudonym. No line holds words that people typed, an address, a
password or a token: of an exception only its type and its stack are logged, of a request only its route.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils.functional import LazyObject
from psycopg import OperationalError as Unreachable
from redis import RedisError

from config.errors import DomainError
from ml.errors import MLError

ECS = "8.17.0"  # the version of the schema
# What `extra={"ecs": {...}}` may name. deploy/elastic/index-template.json has a mapping for each.
FIELDS = frozenset(
    (
        *("event.action", "event.duration", "http.request.method", "http.response.status_code", "url.path"),
        *("labels.run_id", "labels.run_kind", "labels.status", "labels.attempt"),
    )
)
SECRETS = (
    (re.compile(r"(?<![\w.+%-])[\w.+%-]+@[\w-]+(\.[\w-]+)+"), "[address]"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "[token]"),
    (re.compile(r"\bpf_\w+"), "[key]"),
    (re.compile(r"(?i)\b(bearer|api-key)\s+\S+"), r"\1 [hidden]"),
    (re.compile(r"(?i)\b(token|key|secret|password|authorization)\s*[=:]\s*\S+"), r"\1=[hidden]"),
    (re.compile(r"\+\d[\d ]{6,}\d"), "[number]"),
)

_request: ContextVar[tuple[str, Any]] = ContextVar("request", default=("", None))
_run: ContextVar[tuple[str, str, Any]] = ContextVar("run", default=("", "", None))


# ---------------------------------------------------------------- what lines belong to


@contextmanager
def request(ident: str, asked: Any = None) -> Iterator[None]:
    """Lines within belong to this request. `asked`: Django's, for its user."""
    token = _request.set((ident, asked))
    try:
        yield
    finally:
        _request.reset(token)


def enter(ident: str) -> None:
    """The same for a task, until `enter("")`."""
    _request.set((ident, None))


def request_id() -> str:
    return _request.get()[0]


@contextmanager
def run(kind: str, ident: Any, user_id: Any) -> Iterator[None]:
    """Lines within belong to this run."""
    token = _run.set((kind, str(ident), user_id))
    try:
        yield
    finally:
        _run.reset(token)


@lru_cache(1024)
def pseudonym(user_id: Any) -> str:
    """What stands for a user in the logs. Nobody gets back from it without SECRET_KEY."""
    key = f"logs:{settings.SECRET_KEY}".encode()
    return hmac.digest(key, str(user_id).encode(), hashlib.sha256).hex()[:16]


def _user_of(asked: Any) -> Any:
    """The user's id, if the request has looked for its user."""
    facts = getattr(asked, "__dict__", {})
    user = facts.get("_cached_user")  # Django's; the API's authentication sets `user` itself
    if user is None and not isinstance(facts.get("user"), LazyObject):
        user = facts.get("user")
    return getattr(user, "pk", None)


def context(asked: Any = None) -> dict[str, Any]:
    """What the lines of this thread belong to. `asked`: the request of a line that Django writes after the
    middleware."""
    ident, known = _request.get()
    asked = known or asked
    ident = ident or getattr(asked, "log_id", "")
    kind, run_id, user_id = _run.get()
    user_id = user_id or _user_of(asked)
    return {
        "http.request.id": ident,
        "labels.run_kind": kind,
        "labels.run_id": run_id,
        "user.hash": pseudonym(user_id) if user_id else "",
    }


# ---------------------------------------------------------------- what may be said


def safe(text: str) -> str:
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    return text


def told(error: BaseException) -> str:
    """What a line may say of an exception: its message only where we know what it is made of."""
    name = type(error).__name__
    if isinstance(error, (DomainError, MLError)):
        return f"{name} {error.code}"
    if isinstance(error, (OperationalError, InterfaceError, Unreachable, RedisError)):
        return f"{name}: {str(error).splitlines()[0] if str(error) else ''}"
    return f"{name}: {error.strerror}" if isinstance(error, OSError) and error.strerror else name


def message(record: logging.LogRecord) -> str:
    args = record.args
    if isinstance(args, Mapping):  # Celery's
        hidden = dict.fromkeys(("exc", "traceback", "args", "kwargs", "return_value"), "")
        said = str(record.msg) % {**args, **hidden}
    elif args:
        said = str(record.msg) % tuple(_argument(each, getattr(record, "request", None)) for each in args)
    else:
        said = str(record.msg)
    return safe(said)


def _argument(value: Any, asked: Any) -> Any:
    if isinstance(value, BaseException):
        return told(value)
    return route_of(asked) if asked is not None and value == asked.path else value


def route_of(asked: Any) -> str:
    """Stands for a request's path, which may hold a token."""
    match = getattr(asked, "resolver_match", None)
    return f"/{match.route}" if match else "-"


def stack(error: BaseException) -> str:
    """The frames of an exception and of what it came from. Frames hold code and no values."""
    found = (
        "".join(traceback.format_list(traceback.extract_tb(each.__traceback__))) + told(each)
        for each in chain(error)
    )
    return safe("\n\nwhich came from:\n".join(found))


def chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it came from, at most five."""
    each: BaseException | None = error
    for _ in range(5):
        if each is None:
            return
        yield each
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


# ---------------------------------------------------------------- the lines


class Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "@timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "log.level": record.levelname.lower(),
            "message": message(record),
            "ecs.version": ECS,
            "service.name": "photoflux",
            "log.logger": record.name,
            "process.name": os.environ.get("PROCESS") or Path(sys.argv[0]).name,
            "process.pid": record.process,
            **context(getattr(record, "request", None)),
            **{name: value for name, value in getattr(record, "ecs", {}).items() if name in FIELDS},
            **_error(record),
        }
        return json.dumps(
            {name: value for name, value in line.items() if value not in ("", None)}, default=str
        )


def _error(record: logging.LogRecord) -> dict[str, str]:
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return {}
    return {
        "error.type": type(error).__name__,
        "error.message": told(error),
        "error.stack_trace": stack(error),
    }


class Text(logging.Formatter):
    """For people at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        said = message(record).replace("\r", "\\r").replace("\n", "\\n")
        line = f"{self.formatTime(record)} {record.levelname} {record.name} {said}"
        error = record.exc_info[1] if record.exc_info else None
        return f"{line}\n{stack(error)}" if error else line


def formatter() -> logging.Formatter:
    """Of LOG_FORMAT, json or text; of where lines go where it is not set."""
    return (
        Text()
        if os.environ.get("LOG_FORMAT", "text" if sys.stderr.isatty() else "json") == "text"
        else Json()
    )
