"""The ASGI application that the web server loads."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.utils.translation import get_supported_language_variant, override  # noqa: E402
from django.utils.translation.trans_real import parse_accept_lang_header  # noqa: E402

django_application = get_asgi_application()  # loads the apps, which the imports below need

from asgiref.sync import sync_to_async  # noqa: E402

from accounts import tombstones  # noqa: E402
from config.errors import FileTooLarge  # noqa: E402
from config.web import problems  # noqa: E402


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Django, behind a limit on the size of bodies. Django reads a whole body before any view runs, and
    writes one beyond its memory limit to the disk, unencrypted."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    if scope["type"] != "http":
        await django_application(scope, receive, send)
        return
    length = dict(scope["headers"]).get(b"content-length", b"")
    if length.isdigit() and int(length) > settings.MAX_BODY:
        await refuse(scope, send)
        return
    body = Body(receive)
    await django_application(scope, body, body.guard(send))
    if body.refused:
        await refuse(scope, send)


async def lifespan(receive: Any, send: Any) -> None:
    """Refuses the start on a restored database with erased accounts in it. Runs before the first request."""
    while (message := await receive())["type"] == "lifespan.startup":
        fault = await sync_to_async(tombstones.fault)()
        if fault:
            await send({"type": "lifespan.startup.failed", "message": fault})
            return
        await send({"type": "lifespan.startup.complete"})
    await send({"type": f"{message['type']}.complete"})


class Body:
    """Counts a request's body while it arrives, for clients that send no Content-Length."""

    def __init__(self, receive: Any) -> None:
        self.receive, self.size, self.refused = receive, 0, False

    async def __call__(self) -> Any:
        message = await self.receive()
        self.size += len(message.get("body", b""))
        if self.size > settings.MAX_BODY:
            self.refused = True
            return {"type": "http.disconnect"}
        return message

    def guard(self, send: Any) -> Any:
        """Drops Django's answer after a refusal: Django thinks the client left, but it waits for ours."""

        async def sent(message: Any) -> None:
            if not self.refused:
                await send(message)

        return sent


async def refuse(scope: Any, send: Any) -> None:
    error = FileTooLarge(megabytes=settings.MAX_UPLOAD // 2**20)
    with override(_language(scope)):
        data = json.dumps(problems.body(error.code, error.status, error.detail)).encode()
    headers = [
        (b"content-type", problems.JSON.encode()),
        (b"content-length", str(len(data)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


def _language(scope: Any) -> str:
    """The client's language. LocaleMiddleware has not run yet."""
    accepted = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    for code, _weight in parse_accept_lang_header(accepted.lower()):
        with suppress(LookupError):
            return get_supported_language_variant(code)
    return settings.LANGUAGE_CODE
