"""Large and slow bodies: how much of them a process takes at once, and how long it waits for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest

from config.errors import RateLimited, Unavailable
from config.web import bodies
from config.web.bodies import Memory
from tests import aio

PHOTO = 24 * 2**20  # bytes


async def refusal(memory: Memory, client: str, size: int) -> Any:
    try:
        async with memory.reserve(client, size):
            return None
    except (RateLimited, Unavailable) as error:
        return error


def test_a_body_waits_until_another_is_done() -> None:
    async def test() -> list[str]:
        memory, order = Memory(10, 10), []  # type: ignore[var-annotated]

        async def send(name: str) -> None:
            async with memory.reserve(name, 10):
                order.append(f"{name} begins")
                await asyncio.sleep(0)
                order.append(f"{name} ends")

        await asyncio.gather(send("alice"), send("bob"))
        return order

    assert aio.run(test) == ["alice begins", "alice ends", "bob begins", "bob ends"]


def test_one_client_takes_half_of_the_memory_and_all_together_take_all() -> None:
    async def test() -> list[Any]:
        memory = Memory(10, 5, patience=0.01)
        async with memory.reserve("alice", 5):
            first = [await refusal(memory, name, 1) for name in ("alice", "bob")]
            async with memory.reserve("bob", 5):
                return [*first, await refusal(memory, "carol", 1)]

    alice, bob, carol = aio.run(test)
    assert (alice.status, bob, carol.status) == (429, None, 503)
    assert carol.headers == {"Retry-After": "5"}


def scope(**headers: str) -> dict[str, Any]:
    found = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": found}


def quick(total: int = 10**8, each: int = 10**8) -> Memory:
    return Memory(total, each, patience=0.01, grace=0.05)


def ask(
    pieces: Iterator[bytes | float], memory: Memory | None = None, **headers: str
) -> tuple[int, dict[str, Any], int]:
    """(status, answer, bytes that the application read) of a body that comes in pieces, after pauses in
    seconds."""
    sent, read = [], []

    async def receive() -> dict[str, Any]:
        for piece in pieces:
            if isinstance(piece, bytes):
                return {"type": "http.request", "body": piece, "more_body": True}
            await asyncio.sleep(piece)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def application(_scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive()).get("more_body"):
            read.append(message["body"])
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    aio.run(lambda: bodies.limited(application, scope(**headers), receive, send, memory or quick()))
    return sent[0]["status"], json.loads(sent[1]["body"]), sum(map(len, read))


def test_a_body_that_trickles_is_cut_off_in_time() -> None:
    status, answer, read = ask(iter([b"x", 0.02, b"x", 5.0, b"x"]), content_length="100")
    assert (status, answer["code"], read) == (408, "too_slow", 2)


def test_of_an_upload_in_pieces_what_came_is_kept() -> None:
    kind = "application/offset+octet-stream"
    status, answer, read = ask(iter([b"x", 5.0, b"x"]), content_type=kind, content_length="100")
    assert (status, answer["code"], read) == (408, "too_slow", 1)


def test_a_body_that_keeps_coming_may_take_longer() -> None:
    pieces = iter([b"x" * bodies.SLOWEST, 0.1, b"x"])  # a second's worth, then a pause
    assert ask(pieces, content_length="60000")[0] == 201


def test_a_slow_body_is_cut_off_while_others_wait_for_memory() -> None:
    memory = quick()
    memory.waiting = 1
    pieces = iter([b"x" * bodies.SLOWEST, 0.5, b"x"])
    assert ask(pieces, memory, content_length="60000")[0] == 408


def test_only_files_may_be_large() -> None:
    assert ask(iter([]), content_type="application/json", content_length=str(PHOTO))[0] == 413
    pieces = (b"x" * 2**20 for _ in range(3))
    assert ask(pieces, content_type="application/json", transfer_encoding="chunked")[0] == 413


def test_a_browser_that_sends_a_form_gets_a_page() -> None:
    files = {"content_type": "multipart/form-data; boundary=x", "content_length": str(60 * 2**20)}
    kind, data = answer_of(scope(accept="text/html,*/*", accept_language="es", **files))
    assert kind.startswith("text/html")
    assert "Este archivo es demasiado grande" in data.decode()
    kind, data = answer_of(scope(**files))
    assert json.loads(data)["code"] == "file_too_large"


def answer_of(asked: dict[str, Any]) -> tuple[str, bytes]:
    """(media type, body) of a request that is refused before its body is read."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    aio.run(lambda: bodies.limited(None, asked, None, send, quick()))
    return dict(sent[0]["headers"])[b"content-type"].decode(), sent[1]["body"]


def test_a_length_that_is_told_beside_chunks_takes_no_less_memory() -> None:
    assert ask(iter([b"x"]), quick(100, 50), content_length="1", transfer_encoding="chunked")[0] == 429


@pytest.mark.django_db
def test_large_bodies_count_for_the_user_whichever_the_session(client: Any, alice: Any) -> None:
    client.force_login(alice)
    cookie = client.cookies["sessionid"].value
    for headers in ({"cookie": f"sessionid={cookie}"}, {"x_session_token": cookie}):
        request = ASGIRequest(scope(**headers), BytesIO())
        assert bodies._user_id(request) == str(alice.pk)
    assert bodies._user_id(ASGIRequest(scope(authorization="Bearer x"), BytesIO())) == ""
