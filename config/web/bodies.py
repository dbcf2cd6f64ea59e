"""Limits of request bodies: their size, the memory they take together, and the time they may take to come.

Django reads a whole body before any view runs, and writes one beyond its memory limit to the disk,
unencrypted. So these limits apply before Django.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from io import BytesIO
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError, connection
from django.template.loader import render_to_string
from django.utils.translation import get_supported_language_variant, override
from django.utils.translation import gettext_lazy as _
from django.utils.translation.trans_real import parse_accept_lang_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.settings import api_settings

from config.errors import DomainError, FileTooLarge, RateLimited, TooSlow, Unavailable
from config.web import problems
from config.web.authentication import BrowserAuthentication
from config.web.ratelimit import network

SMALL = 64 * 1024  # bytes: smaller bodies are not counted
SLOWEST = 32 * 1024  # bytes a second that a body must come at after the time that any body may take
HURRIED = 256 * 1024  # the same while others wait for memory
# Types of bodies that hold files: a form, a piece of an upload, an e-mail.
FILES = (b"multipart/form-data", b"application/offset+octet-stream", b"message/rfc822")
HOOKS = "/hooks/"  # webhooks carry no files
RETRY = {"Retry-After": "5"}
FULL = _("Too many large files are being sent right now. Try again in a few seconds; nothing was lost.")


class Memory:
    """The bytes of large bodies in this process: at most `total`, and at most `each` of one client. A body
    waits `patience` seconds for room before a byte of it is read. Any body may take `grace` seconds."""

    def __init__(self, total: int, each: int, *, patience: float = 15.0, grace: float = 20.0) -> None:
        self.total, self.each, self.patience, self.grace = total, each, patience, grace
        self.held: Counter[str] = Counter()  # by client
        self.waiting = 0
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def reserve(self, client: str, size: int) -> AsyncIterator[None]:
        """Waits until there is room. Raises RateLimited or Unavailable when there is none for too long."""
        self.waiting += 1
        try:
            async with self._freed:
                await asyncio.wait_for(self._freed.wait_for(lambda: self._fits(client, size)), self.patience)
                self.held[client] += size
        except TimeoutError:
            raise self._refusal(client, size) from None
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            await self._free(client, size)

    async def _free(self, client: str, size: int) -> None:
        self.held[client] -= size
        if not self.held[client]:
            del self.held[client]
        async with self._freed:
            self._freed.notify_all()

    def _fits(self, client: str, size: int) -> bool:
        return self.held[client] + size <= self.each and self.held.total() + size <= self.total

    def _refusal(self, client: str, size: int) -> DomainError:
        error = RateLimited(FULL) if self.held[client] + size > self.each else Unavailable(FULL)
        error.headers = RETRY  # type: ignore[union-attr]
        return error


class Body:
    """A request's body while it arrives. `refusal` is set when it passes a limit; the application is then
    told that the client has left. With `in_pieces` it gets what had arrived as the whole body instead: of a
    broken upload that part is kept."""

    def __init__(self, receive: Any, limit: int, memory: Memory, *, in_pieces: bool = False) -> None:
        self.receive, self.limit, self.memory, self.in_pieces = receive, limit, memory, in_pieces
        self.size, self.start, self.whole = 0, time.monotonic(), False
        self.cut = False
        self.refusal: DomainError | None = None

    async def __call__(self) -> Any:
        if self.cut:
            await asyncio.Future()  # the application need not hear that the client has left
        try:
            message = await asyncio.wait_for(self.receive(), self._seconds_left())
        except TimeoutError:
            return self._refuse(TooSlow())
        if message["type"] == "http.disconnect" and self.in_pieces and not self.whole:
            return self._cut()
        self.whole = not message.get("more_body", False)
        self.size += len(message.get("body", b""))
        return self._refuse(_too_large(self.limit)) if self.size > self.limit else message

    def _seconds_left(self) -> float | None:
        """None once all has come: what is still received is that the client leaves."""
        if self.whole:
            return None
        pace = HURRIED if self.memory.waiting else SLOWEST
        return max(0.0, self.start + self.memory.grace + self.size / pace - time.monotonic())

    def _refuse(self, error: DomainError) -> dict[str, Any]:
        self.refusal = error
        slow = self.in_pieces and isinstance(error, TooSlow)
        return self._cut() if slow else {"type": "http.disconnect"}

    def _cut(self) -> dict[str, Any]:
        self.cut = True
        return {"type": "http.request", "body": b"", "more_body": False}

    def guard(self, send: Any) -> Any:
        """Drops the application's answer after a refusal: the client waits for ours."""

        async def sent(message: Any) -> None:
            if self.refusal is None:
                await send(message)

        return sent


async def limited(application: Any, scope: Any, receive: Any, send: Any, memory: Memory) -> None:
    """Calls the ASGI application with a body that keeps the limits, or answers why not."""
    headers = dict(scope["headers"])
    kind = headers.get(b"content-type", b"").lower()
    large = kind.startswith(FILES) and not scope["path"].startswith(HOOKS)
    limit = settings.MAX_BODY if large else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body = Body(receive, limit, memory, in_pieces=kind.startswith(FILES[1]))
    told = headers.get(b"content-length", b"")
    chunked = b"transfer-encoding" in headers  # it counts, and not a length that was told beside it
    size = body.limit if chunked else int(told) if told.isdigit() else 0
    try:
        if size > body.limit:
            raise _too_large(body.limit)
        if size <= SMALL:
            await application(scope, body, body.guard(send))
        else:
            async with memory.reserve(await sync_to_async(_client, thread_sensitive=False)(scope), size):
                body.start = time.monotonic()
                await application(scope, body, body.guard(send))
    except DomainError as error:
        body.refusal = error
    if body.refusal:
        await refuse(scope, send, body.refusal)


@cache
def shared() -> Memory:
    """The one of this process, made in its event loop."""
    return Memory(settings.MAX_BODIES, settings.MAX_BODIES // 2)


def _client(scope: Any) -> str:
    """The user behind the credentials, or the network of a client without any."""
    request = ASGIRequest(scope, BytesIO())
    try:
        return _user_id(request) or network(request)
    except DatabaseError:
        return network(request)
    finally:
        connection.close()


def _user_id(request: ASGIRequest) -> str:
    for kind in api_settings.DEFAULT_AUTHENTICATION_CLASSES:
        if not issubclass(kind, BrowserAuthentication):
            with suppress(AuthenticationFailed):
                if found := kind().authenticate(request):
                    return str(found[0].pk)
    return str(SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME)).get(SESSION_KEY, ""))


def _too_large(limit: int) -> FileTooLarge:
    return FileTooLarge(megabytes=limit // 2**20)


async def refuse(scope: Any, send: Any, error: DomainError) -> None:
    with override(_language(scope)):
        kind, data = _answer(scope, error)
    more = getattr(error, "headers", {}).items()
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(data)).encode()),
        (b"cache-control", b"private, no-store"),
        (b"connection", b"close"),
        *((name.lower().encode(), value.encode()) for name, value in more),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


def _answer(scope: Any, error: DomainError) -> tuple[str, bytes]:
    """(media type, body): a page for a browser that sent a page's form, a problem for all others."""
    if b"text/html" in dict(scope["headers"]).get(b"accept", b""):
        return "text/html; charset=utf-8", render_to_string("error.html", {"error": error}).encode()
    return problems.JSON, json.dumps(problems.body(error.code, error.status, error.detail)).encode()


def _language(scope: Any) -> str:
    """The client's language. LocaleMiddleware has not run yet."""
    accepted = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    for code, _weight in parse_accept_lang_header(accepted.lower()):
        with suppress(LookupError):
            return get_supported_language_variant(code)
    return settings.LANGUAGE_CODE
