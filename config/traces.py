"""Traces by OpenTelemetry's protocol (OTLP over HTTP, as JSON), where OTEL_EXPORTER_OTLP_ENDPOINT is set.

One trace leads from the page over the worker to the stages of the engine: a wake-up carries `traceparent`
(W3C Trace Context). The trace has the id of the request (config/logs.py). Spans hold routes, kinds, codes and
ids, never words.
"""

from __future__ import annotations

import atexit
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import httpx2
from django.conf import settings

from config.sending import Sender

SECONDS = 5.0
INTERNAL, SERVER, CONSUMER = 1, 2, 5  # kinds of spans
OK, ERROR = 1, 2
PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
TRACE = re.compile(r"[0-9a-f]{32}")


class Place(NamedTuple):
    """Where in a trace something happens."""

    trace: str
    span: str


@dataclass
class Span:
    name: str
    kind: int
    place: Place
    parent: str = ""
    began: int = field(default_factory=time.time_ns)
    status: int = OK
    facts: dict[str, Any] = field(default_factory=dict)

    def end(self) -> None:
        sender().put(_shown(self, time.time_ns()))


_here: ContextVar[Place | None] = ContextVar("here", default=None)


def begin(
    name: str, kind: int = INTERNAL, *, above: Place | None = None, trace: str = "", **facts: Any
) -> Span | None:
    """A span below `above`, or below the one that is open here. The caller ends it. None where nothing is
    traced. `trace`: the id of a new trace."""
    if not settings.TRACES_TO:
        return None
    above = above or _here.get()
    ident = above.trace if above else trace if TRACE.fullmatch(trace) else secrets.token_hex(16)
    return Span(name, kind, Place(ident, secrets.token_hex(8)), above.span if above else "", facts=facts)


@contextmanager
def span(name: str, kind: int = INTERNAL, *, trace: str = "", **facts: Any) -> Iterator[Span | None]:
    """What is begun within lies below it."""
    found = begin(name, kind, trace=trace, **facts)
    if found is None:
        yield None
        return
    token = _here.set(found.place)
    try:
        yield found
    except BaseException:
        found.status = ERROR
        raise
    finally:
        _here.reset(token)
        found.end()


def header() -> str:
    here = _here.get()
    return f"00-{here.trace}-{here.span}-01" if here else ""


def enter(said: str) -> None:
    """What this thread begins lies below a `traceparent` that came from elsewhere, until `enter("")`."""
    found = PARENT.fullmatch(said)
    _here.set(Place(*found.groups()) if found else None)


@cache
def sender() -> Sender[dict[str, Any]]:
    found = Sender[dict[str, Any]](_send)
    atexit.register(lambda: found.flush())
    return found


def _send(spans: list[dict[str, Any]]) -> httpx2.Response:
    resource = {"attributes": _attributes({"service.name": "photoflux"})}
    scopes = [{"scope": {"name": "photoflux"}, "spans": spans}]
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]}
    return httpx2.post(f"{settings.TRACES_TO}/v1/traces", json=body, timeout=SECONDS)


def _shown(one: Span, ended: int) -> dict[str, Any]:
    return {
        "traceId": one.place.trace,
        "spanId": one.place.span,
        "parentSpanId": one.parent,
        "name": one.name,
        "kind": one.kind,
        "startTimeUnixNano": str(one.began),
        "endTimeUnixNano": str(ended),
        "attributes": _attributes(one.facts),
        "status": {"code": one.status},
    }


def _attributes(facts: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": k, "value": {"intValue": str(v)} if isinstance(v, int) else {"stringValue": str(v)}}
        for k, v in facts.items()
    ]
