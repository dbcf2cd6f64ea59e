"""The ASGI application that the web server loads."""

from __future__ import annotations

import os
import resource
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402

django.setup(set_prefix=False)  # loads the apps, which the imports below need

from asgiref.sync import sync_to_async  # noqa: E402
from django.conf import settings  # noqa: E402
from django.template.loader import get_template  # noqa: E402
from django.urls import reverse  # noqa: E402

from accounts import tombstones  # noqa: E402
from config.web import bodies, event_stream  # noqa: E402
from config.web.handler import Handler  # noqa: E402

django_application = Handler()


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http":
        await bodies.limited(answer, scope, receive, send, bodies.shared())
    else:
        await django_application(scope, receive, send)


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Django; and the event stream whose head Django has answered. A client that leaves before gets no head,
    and then no body."""
    begun = False

    async def sent(message: Any) -> None:
        nonlocal begun
        begun = begun or message["type"] == "http.response.start"
        if event_stream.SCOPE not in scope or message["type"] != "http.response.body":
            await send(message)

    await django_application(scope, receive, sent)
    if begun and (stream := scope.get(event_stream.SCOPE)):
        await event_stream.send(stream, receive, send)


async def lifespan(receive: Any, send: Any) -> None:
    """Refuses the start on a restored database with erased accounts in it. Runs before the first request."""
    while (message := await receive())["type"] == "lifespan.startup":
        open_many_files()
        fault = await sync_to_async(tombstones.fault)()
        if fault:
            await send({"type": "lifespan.startup.failed", "message": fault})
            return
        await sync_to_async(warm)()
        await send({"type": "lifespan.startup.complete"})
    await send({"type": f"{message['type']}.complete"})


def warm() -> None:
    """Reads all addresses and pages, which the first visitors would wait for."""
    reverse("studio")
    for page in settings.BASE_DIR.glob("templates/**/*.html"):
        get_template(str(page.relative_to(settings.BASE_DIR / "templates")))


def open_many_files() -> None:
    """Each open event stream is an open file. Systems start programs with 1,024 of them at most, and let
    them raise that."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
