"""The event stream of a user's runs, as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.utils.encoders import JSONEncoder

from config import registry
from config.errors import MethodNotAllowed, NotAuthenticated
from config.runs.events import listener, read
from config.runs.models import OPEN, kinds
from config.runs.places import Places
from config.web import problems
from config.web.serializers import run_fields

RECENT = timedelta(days=1)
PING = 15.0  # seconds: proxies close silent streams


async def events(request: HttpRequest) -> HttpResponse:
    """Server-sent events: a snapshot of the runs that are open or ended in the last day, then each change."""
    if request.method != "GET":
        return problems.respond(MethodNotAllowed())
    user = await aside(_authenticate, request)
    if user is None:
        return problems.respond(NotAuthenticated())
    response = StreamingHttpResponse(stream(user), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _authenticate(request: HttpRequest) -> Any:
    """The user, found by the API's authentication classes. This async view is no APIView."""
    asked = Request(request, authenticators=[kind() for kind in api_settings.DEFAULT_AUTHENTICATION_CLASSES])
    try:
        return asked.user if asked.user.is_authenticated else None
    except APIException:
        return None


async def stream(user: Any) -> AsyncIterator[bytes]:
    queue = listener.join(user.pk)
    try:
        await listener.ready.wait()  # before the snapshot, so that no change between them is missed
        if not await aside(_is_active, user):  # closed after the request was let in
            return
        yield _event("snapshot", "", await aside(snapshot, user))
        told: dict[str, Any] = {}
        for name, data in await aside(_changed, user, told):
            yield _event(name, "", data)
        async for message in messages(queue):
            if message is None:
                yield b": still here\n\n"
            elif found := await aside(_row, user, message):
                yield _event("run", f"{found['id']}:{found['version']}", found)
                for name, data in await aside(_changed, user, told):
                    yield _event(name, "", data)
        yield _event("away", "", {"detail": "poll"})
    finally:
        listener.leave(user.pk, queue)


def _is_active(user: Any) -> bool:
    return get_user_model().objects.filter(pk=user.pk, is_active=True).exists()


async def messages(queue: asyncio.Queue[dict[str, str] | None]) -> AsyncIterator[dict[str, str] | None]:
    """The messages until the stream ends; None after every PING seconds without a message."""
    while True:
        try:
            message = await asyncio.wait_for(queue.get(), PING)
        except TimeoutError:
            yield None
            continue
        if message is None:
            return
        yield message


async def aside(act: Any, *args: Any) -> Any:
    """Calls `act` in a thread, then frees its database connection at once: a stream is open for hours."""

    def run() -> Any:
        try:
            return act(*args)
        finally:
            if not connection.in_atomic_block:
                connection.close()

    return await sync_to_async(run)()


def snapshot(user: Any) -> list[dict[str, Any]]:
    wanted = Q(status__in=OPEN) | Q(finished_at__gt=timezone.now() - RECENT)
    rows = [
        run
        for kind in kinds()
        for run in kind.objects.owned_by(user).shown().filter(wanted).order_by("-created_at")[:100]
    ]
    places = Places()
    return [_show(run, places) for run in sorted(rows, key=lambda r: r.created_at, reverse=True)]


def _changed(user: Any, told: dict[str, Any]) -> list[tuple[str, Any]]:
    """The events of registry.live whose data differs from what was sent last (`told`)."""
    now = [kind(user) for kind in registry.live]
    new = [(name, data) for name, data in now if told.get(name) != data]
    told.update(new)
    return new


def _row(user: Any, message: dict[str, str]) -> dict[str, Any] | None:
    run = read(user, message)
    return _show(run) if run else None


def _show(run: Any, places: Places | None = None) -> dict[str, Any]:
    return run_fields(run, places) | {"version": run.version}


def _event(name: str, ident: str, data: Any) -> bytes:
    head = f"id: {ident}\n" if ident else ""
    return f"event: {name}\n{head}data: {json.dumps(data, cls=JSONEncoder)}\n\n".encode()
