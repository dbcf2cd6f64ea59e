"""GET /api/v1/events: the changes of a user's runs, as server-sent events.

Django answers the head alone. config/asgi.py sends the stream after Django's handler has returned, so that
request and response are not kept for as long as it is open.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import get_language, override
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.utils.encoders import JSONEncoder

from config import registry
from config.errors import MethodNotAllowed, NotAuthenticated
from config.runs.events import LIVE, Message, read
from config.runs.models import OPEN, Run, kinds
from config.runs.places import Places
from config.web import problems
from config.web.authentication import session_key_of
from config.web.serializers import run_fields
from config.web.streams import Event, Stream, Streams

RECENT = timedelta(days=1)
SCOPE = "photoflux.stream"  # the key of a request's stream in its ASGI scope


def events(request: HttpRequest) -> HttpResponse:
    """Server-sent events: a snapshot of the runs that are open or ended in the last day, then each change."""
    if request.method != "GET":
        return problems.respond(MethodNotAllowed())
    stream = _let_in(request)
    if stream is None:
        return problems.respond(NotAuthenticated())
    getattr(request, "scope", {})[SCOPE] = stream
    response = StreamingHttpResponse(_nothing(), content_type="text/event-stream")
    response["Cache-Control"] = "private, no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _let_in(request: HttpRequest) -> Stream | None:
    """A stream for the user that the API's authentication classes find. This view is no APIView."""
    asked = Request(request, authenticators=[kind() for kind in api_settings.DEFAULT_AUTHENTICATION_CLASSES])
    try:
        if not asked.user.is_authenticated:
            return None
    except APIException:
        return None
    return Stream(asked.user, session_key_of(asked), get_language() or "en")


async def _nothing() -> AsyncIterator[bytes]:
    for piece in ():
        yield piece


async def send(stream: Stream, receive: Any, send: Any) -> None:
    """Sends the body of an ASGI response whose head is sent, until the stream ends or the client leaves."""
    leaving = asyncio.create_task(_wait_for_leaving(stream, receive))
    try:
        async with aclosing(streams.send(stream)) as pieces:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
    finally:
        leaving.cancel()
    await send({"type": "http.response.body", "body": b""})


async def _wait_for_leaving(stream: Stream, receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end()


# ---------------------------------------------------------------- what is read


def snapshot(user: Any) -> list[dict[str, Any]]:
    since = timezone.now() - RECENT
    wanted = Q(status__in=OPEN) | Q(finished_at__gt=since)
    rows = [
        run
        for kind in _with_rows(user, since)
        for run in kind.objects.owned_by(user)
        .shown()
        .for_clients()
        .filter(wanted)
        .order_by("-created_at")[:100]
    ]
    places = Places()
    return [_show(run, places) for run in sorted(rows, key=lambda r: r.created_at, reverse=True)]


def _with_rows(user: Any, since: datetime) -> list[type[Run]]:
    """The kinds of which a snapshot shows runs. All are asked in one query, because most have none."""
    every = list(kinds())
    each = (
        f"SELECT {number} WHERE EXISTS (SELECT FROM {kind._meta.db_table} WHERE user_id = %(user)s AND shown"
        " AND (status = ANY(%(open)s) OR finished_at > %(since)s))"
        for number, kind in enumerate(every)
    )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each), {"user": user.pk, "open": list(OPEN), "since": since})
        return [every[number] for (number,) in cursor.fetchall()]


def _beginning(stream: Stream) -> list[Event]:
    with override(stream.language):
        return [("", _event("snapshot", "", snapshot(stream.user))), *_live(stream.user)]


def _changes(user: Any, messages: list[Message], languages: set[str]) -> dict[str, list[Event]]:
    """The events of changed runs in each language. Every row is read once."""
    runs = [run for message in messages if (run := read(user, message))]
    if not runs and not any(message["model"] == LIVE for message in messages):
        return {}
    live, places, found = _live(user), Places(), {}
    for language in languages:
        with override(language):
            found[language] = [*(("", _changed(run, places)) for run in runs), *live]
    return found


def _live(user: Any) -> list[Event]:
    found = (kind(user) for kind in registry.live)
    return [(name, _event(name, "", data)) for name, data in found if data is not None]


def _changed(run: Any, places: Places) -> bytes:
    shown = _show(run, places)
    return _event("run", f"{shown['id']}:{shown['version']}", shown)


def _show(run: Any, places: Places) -> dict[str, Any]:
    return run_fields(run, places) | {"version": run.version}


def _event(name: str, ident: str, data: Any) -> bytes:
    head = f"id: {ident}\n" if ident else ""
    return f"event: {name}\n{head}data: {json.dumps(data, cls=JSONEncoder)}\n\n".encode()


streams = Streams(_beginning, _changes)
