"""The event streams of a process: who gets what, how often it is read, and when a stream ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from config.runs import events
from config.web import streams
from config.web.streams import Stream, Streams
from tests import aio

pytestmark = pytest.mark.django_db(transaction=True)
CHANGE = {"model": "accounts.export", "id": "1"}


class Reads:
    """Stands for the database: counts the reads, and answers each with its number."""

    def __init__(self) -> None:
        self.count = 0

    def snapshot(self, stream: Stream) -> list[streams.Event]:
        return [("", b"snapshot")]

    def changes(self, user: Any, messages: Any, languages: set[str]) -> dict[str, list[streams.Event]]:
        self.count += 1
        found = [("", f"{len(messages)} rows".encode()), ("credits", b"3 credits")]
        return dict.fromkeys(languages, found)


class Reader:
    """Reads a stream in the background, as a client does."""

    def __init__(self, open_streams: Streams, stream: Stream) -> None:
        self.stream, self.got = stream, []  # type: ignore[var-annotated]
        self.task = asyncio.create_task(self._read(open_streams))

    async def _read(self, open_streams: Streams) -> None:
        async for data in open_streams.send(self.stream):
            self.got.append(data)


@asynccontextmanager
async def open_for(user: Any, count: int, *, session_key: str = "", ping: float = 15.0) -> AsyncIterator[Any]:
    """(streams, reads, readers) with `count` streams of a user that have got their snapshot."""
    reads = Reads()
    found = Streams(reads.snapshot, reads.changes, ping=ping)
    found.listener.task = asyncio.current_task()  # a subscription that stands
    found.listener.ready.set()
    readers = [Reader(found, Stream(user, session_key, "en")) for _ in range(count)]
    await until(lambda: sum(bool(r.got) for r in readers) == count)
    yield found, reads, readers
    for reader in readers:
        reader.task.cancel()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)


def run(test: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return aio.run(test)


def test_a_change_is_read_once_for_all_streams_of_a_user(alice: Any) -> None:
    async def test() -> None:
        async with open_for(alice, 10) as (found, reads, readers):
            found._hear(str(alice.pk), CHANGE)
            await until(lambda: all(len(r.got) == 3 for r in readers))
            assert reads.count == 1
            assert readers[9].got == [b"snapshot", b"1 rows", b"3 credits"]

    run(test)


def test_changes_that_come_during_a_read_are_read_together(alice: Any) -> None:
    async def test() -> None:
        async with open_for(alice, 1) as (found, reads, (reader,)):
            for ident in "1233":
                found._hear(str(alice.pk), CHANGE | {"id": ident})
            await until(lambda: b"3 rows" in reader.got)
            assert reads.count == 1

    run(test)


def test_what_did_not_change_is_not_sent_again(alice: Any) -> None:
    async def test() -> None:
        async with open_for(alice, 1) as (found, _reads, (reader,)):
            for _ in range(2):
                count = len(reader.got)
                found._hear(str(alice.pk), CHANGE)
                await until(lambda: len(reader.got) > count)  # noqa: B023
            await until(lambda: reader.got.count(b"1 rows") == 2)
            assert reader.got.count(b"3 credits") == 1

    run(test)


def test_the_eleventh_stream_of_a_user_ends_the_oldest(alice: Any, bob: Any) -> None:
    async def test() -> None:
        async with open_for(alice, 10) as (found, _reads, readers):
            newest, other = Reader(found, Stream(alice, "", "en")), Reader(found, Stream(bob, "", "en"))
            await until(lambda: readers[0].task.done() and bool(newest.got) and bool(other.got))
            assert readers[0].got[-1] == streams.REPLACED
            assert not any(r.task.done() for r in (*readers[1:], newest, other))

    run(test)


def test_a_session_that_ends_takes_its_own_streams_along(alice: Any) -> None:
    async def test() -> None:
        async with open_for(alice, 2) as (found, _reads, readers):
            readers[0].stream.session = events.session_id("phone")
            found._hear(str(alice.pk), {"model": events.END, "id": events.session_id("phone")})
            await until(readers[0].task.done)
            assert (readers[0].got, readers[1].task.done()) == ([b"snapshot"], False)

    run(test)


def test_a_session_that_expires_is_noticed_without_a_message(alice: Any) -> None:
    session = Session.objects.create(session_key="k", expire_date=timezone.now() + timedelta(hours=1))

    async def test() -> None:
        async with open_for(alice, 1, session_key="k", ping=0.05) as (_found, _reads, (reader,)):
            await until(lambda: streams.STILL_HERE in reader.got)
            await asyncio.to_thread(
                lambda: Session.objects.filter(pk=session.pk).update(expire_date=timezone.now())
            )
            await until(reader.task.done)

    run(test)


def test_a_client_that_does_not_read_is_ended(alice: Any) -> None:
    stream = Stream(alice, "", "en")
    stream.put(*[("", b"x")] * (streams.QUEUED + 1))

    async def read() -> list[bytes]:
        return [data async for data in stream]

    assert run(read) == [streams.AWAY]
