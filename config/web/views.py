"""The event stream, and whether this process is well."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.utils.encoders import JSONEncoder

from config import registry
from config.errors import DomainError
from config.runs.events import listener, read
from config.runs.models import OPEN, kinds
from config.runs.places import Places
from config.web import problems
from config.web.schema import document
from config.web.serializers import run_fields

RECENT = timedelta(days=1)
PING = 15.0  # seconds: proxies close silent streams


class NotAuthenticated(DomainError):
    code, status, message = "not_authenticated", 401, _("Log in, or send a valid token.")


class MethodNotAllowed(DomainError):
    code, status, message = "method_not_allowed", 405, _("This address does not take this method.")


THEMES = ("auto", "light", "dark")


def landing(request: HttpRequest) -> HttpResponse:
    return render(request, "landing.html")


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Light, dark or as the system, kept in a cookie, so that it works without JavaScript."""
    where = request.POST.get("next", "/")
    safe = url_has_allowed_host_and_scheme(where, {request.get_host()}, require_https=request.is_secure())
    answer = redirect(where if safe else "/")
    if (chosen := request.POST.get("theme")) in THEMES:
        answer.set_cookie(
            "theme", chosen, max_age=365 * 86400, secure=settings.SECURE, httponly=True, samesite="Lax"
        )
    return answer


def look(request: HttpRequest) -> dict[str, str]:
    """What every page's template knows."""
    chosen = request.COOKIES.get("theme", "")
    return {"theme": chosen if chosen in THEMES else "auto"}


def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, else 503. Redis may be away: work is late then, not lost."""
    found = {"database": _database(), "redis": _redis()}
    return JsonResponse(found, status=200 if found["database"] else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
        return True
    except DatabaseError:
        return False


def _redis() -> bool:
    try:
        return bool(
            redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1).ping()
        )
    except redis.RedisError:
        return False


def openapi(request: HttpRequest) -> HttpResponse:
    """The API's contract."""
    if request.method not in ("GET", "HEAD"):
        return problems.respond(MethodNotAllowed())
    data, etag = document(get_language() or "en")
    answer = HttpResponse(data, content_type="application/vnd.oai.openapi+json")
    answer["Cache-Control"] = "no-cache"  # kept, and asked for again by its ETag
    answer["ETag"] = etag
    return get_conditional_response(request, etag=etag, response=answer) or answer


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
    """As the API does it, for this one view that is no APIView."""
    asked = Request(request, authenticators=[kind() for kind in api_settings.DEFAULT_AUTHENTICATION_CLASSES])
    try:
        return asked.user if asked.user.is_authenticated else None
    except APIException:
        return None


async def stream(user: Any) -> AsyncIterator[bytes]:
    queue = listener.join(user.pk)
    try:
        await listener.ready.wait()  # before the snapshot, so that nothing falls between them
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


async def messages(queue: asyncio.Queue[dict[str, str] | None]) -> AsyncIterator[dict[str, str] | None]:
    """Until the end; None every PING seconds without any."""
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
    """In a thread, giving its database connection back at once: a stream is open for hours."""

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
    """What apps tell beside runs, as far as it is not what was `told` last."""
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
