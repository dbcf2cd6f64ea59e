"""Django behind ASGI: one of a few threads answers a request from its first line to its last.

Django's own handler starts a thread for each request, and crosses six times between it and the event loop.
Threads of many requests take Python's lock from each other every few milliseconds, which costs as much as the
answers do. Here requests wait their turn, and one whose client leaves meanwhile is not begun.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_started
from django.db import close_old_connections
from django.http import HttpResponse
from django.urls import set_script_prefix

from config.web.afterwards import waits_after

threads = ThreadPoolExecutor(settings.WEB_THREADS, thread_name_prefix="web")


class Handler(ASGIHandler):
    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        with suppress(RequestAborted):
            body = await self.read_body(receive)
            works = self._answer(scope, body, send), self.listen_for_disconnect(receive)
            await _first([asyncio.create_task(work) for work in works])

    async def _answer(self, scope: Any, body: Any, send: Any) -> None:
        answered = threads.submit(copy_context().run, self._respond, scope, body)
        try:
            response, _closed = await asyncio.wrap_future(answered)
            await self.send_response(response, send)
        finally:
            answered.add_done_callback(_close)

    def _respond(self, scope: Any, body: Any) -> tuple[HttpResponse, bool]:
        """The answer, and whether it is closed already. One that is sent in pieces, or followed by other work
        (config/web/afterwards.py), is closed once it was sent."""
        set_script_prefix(get_script_prefix(scope))
        request_started.send(sender=self.__class__, scope=scope)
        request, response = self.create_request(scope, body)
        if request is not None:
            response = self.get_response(request)
        closed = not response.streaming and not waits_after(request)
        if closed:
            response.close()
        else:
            close_old_connections()  # this thread's; another thread may close the answer
        return response, closed


async def _first(tasks: list[asyncio.Task[None]]) -> None:
    """Waits until one of the tasks has ended, and cancels the others."""
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


def _close(answered: Future[tuple[HttpResponse, bool]]) -> None:
    """Also of an answer whose client has left."""
    if answered.cancelled() or answered.exception():
        return
    response, closed = answered.result()
    if not closed:
        threads.submit(copy_context().run, response.close)
