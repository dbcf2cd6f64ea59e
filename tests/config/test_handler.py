"""Requests behind ASGI: few threads answer them (config/web/handler.py)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from config.web.afterwards import afterwards
from config.web.handler import Handler
from tests import aio

HAPPENED: list[str] = []
GATE, BEGUN = threading.Event(), threading.Semaphore(0)


def plain(request: HttpRequest) -> HttpResponse:
    HAPPENED.append(f"answered by {threading.current_thread().name.partition('_')[0]}")
    afterwards(request, lambda: HAPPENED.append("afterwards"))
    return HttpResponse("plain")


def held(request: HttpRequest) -> HttpResponse:
    afterwards(request, lambda: HAPPENED.append("after the held one"))
    BEGUN.release()
    GATE.wait(20)
    return HttpResponse("held")


class Pieces(StreamingHttpResponse):
    def close(self) -> None:
        super().close()
        HAPPENED.append("closed")


async def endless() -> Any:
    while True:
        yield b"piece"


def pieces(request: HttpRequest) -> HttpResponse:
    return Pieces(endless())


urlpatterns = [path(view.__name__, view) for view in (plain, held, pieces)]


class Client:
    """Asks for a page, and leaves when told to."""

    def __init__(self, page: str) -> None:
        self.scope = {"type": "http", "method": "GET", "path": f"/{page}", "query_string": b"", "headers": []}
        self.sent: list[dict[str, Any]] = []
        self.leaves = asyncio.Event()
        self._asked = False

    async def receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b""}
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        if message.get("body") == b"plain":
            HAPPENED.append("sent")
        if message.get("more_body") and len(self.sent) > 3:
            self.leaves.set()
        await asyncio.sleep(0)  # the server writes

    def asks(self) -> asyncio.Task[None]:
        return asyncio.create_task(Handler()(self.scope, self.receive, self.send))


@pytest.fixture(autouse=True)
def views(settings: Any) -> None:
    settings.ROOT_URLCONF, settings.ALLOWED_HOSTS = __name__, ["*"]
    HAPPENED.clear()
    GATE.clear()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.001)


def test_what_may_wait_comes_after_the_answer() -> None:
    async def story() -> None:
        client = Client("plain")
        await client.asks()
        await until(lambda: "afterwards" in HAPPENED)
        assert client.sent[0]["status"] == 200

    aio.run(story)
    assert HAPPENED == ["answered by web", "sent", "afterwards"]


def test_an_answer_in_pieces_is_closed_when_its_client_leaves() -> None:
    async def story() -> None:
        client = Client("pieces")
        await client.asks()
        await until(lambda: "closed" in HAPPENED)
        assert {message.get("body", b"piece") for message in client.sent} == {b"piece"}

    aio.run(story)


def test_what_comes_after_an_answer_comes_though_the_client_left_before() -> None:
    async def story() -> None:
        client = Client("held")
        asked = client.asks()
        assert await asyncio.to_thread(BEGUN.acquire, timeout=20)
        client.leaves.set()
        await asked
        GATE.set()
        await until(lambda: "after the held one" in HAPPENED)
        assert client.sent == []

    aio.run(story)


def test_who_leaves_before_the_turn_comes_is_not_answered_and_the_next_is() -> None:
    async def story() -> None:
        first = [Client("held") for _ in range(settings.WEB_THREADS)]
        busy = [client.asks() for client in first]
        for _ in first:
            assert await asyncio.to_thread(BEGUN.acquire, timeout=20)
        gone, next_one = Client("plain"), Client("plain")
        waiting = [gone.asks(), next_one.asks()]
        gone.leaves.set()
        await waiting[0]
        assert HAPPENED == gone.sent == []
        GATE.set()
        await asyncio.gather(*busy, waiting[1])
        assert {client.sent[1]["body"] for client in first} == {b"held"}
        assert next_one.sent[1]["body"] == b"plain"

    aio.run(story)
    assert [what for what in HAPPENED if "after" not in what] == ["answered by web", "sent"]
