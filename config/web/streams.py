"""The open event streams of this process.

An idle stream costs a queue and its connection: no thread, no query, no connection to a server. A change is
read once for all streams of its user. A stream ends with the session that opened it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection
from django.utils import timezone

from config.runs.events import END, Listener, Message, session_id

log = logging.getLogger(__name__)

MOST = 10  # streams of a user in a process; one more ends the oldest
QUEUED = 200  # events that wait for a slow client; with one more its stream ends
STILL_HERE = b": still here\n\n"
AWAY = b'event: away\ndata: {"detail": "poll"}\n\n'  # the stream cannot go on: poll, or connect again
REPLACED = b'event: away\ndata: {"detail": "too_many"}\n\n'  # newer streams of this user took its place
Event = tuple[str, bytes]  # what it replaces ("" for nothing), and the bytes to send
# These threads alone read for the streams, however many there are.
_threads = ThreadPoolExecutor(2, thread_name_prefix="events")


class Stream:
    """One client's stream. `session_key` is empty for a client without a session."""

    def __init__(self, user: Any, session_key: str, language: str) -> None:
        self.user, self.session_key, self.language = user, session_key, language
        self.session = session_id(session_key)
        self.told: dict[str, bytes] = {}  # what was sent last of each event that replaces the one before
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put(self, *events: Event) -> None:
        for replaces, data in events:
            if self._queue.qsize() >= QUEUED:
                self.end(AWAY)  # the client is far behind: it reconnects for a snapshot
            elif not replaces or self.told.get(replaces) != data:
                self.told[replaces] = data
                self._queue.put_nowait(data)

    def end(self, last: bytes = b"") -> None:
        """Nothing that is queued is sent any more, `last` alone."""
        while not self._queue.empty():
            self._queue.get_nowait()
        if last:
            self._queue.put_nowait(last)
        self._queue.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (data := await self._queue.get()) is not None:
            yield data


class _User:
    """The streams of one user, oldest first."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self.changed: dict[tuple[str, str], Message] = {}  # rows that changed since they were read
        self.reading: asyncio.Task[None] | None = None
        self.order = asyncio.Lock()  # an older state of a row never follows a newer one


class Streams:
    """`snapshot(stream)` reads what a new stream begins with. `changes(user, messages, languages)` reads the
    changed rows once and answers the events in each language. After `ping` seconds of silence a stream says
    that it is still there: proxies close silent ones."""

    def __init__(
        self,
        snapshot: Callable[[Stream], list[Event]],
        changes: Callable[[Any, list[Message], set[str]], dict[str, list[Event]]],
        *,
        ping: float = 15.0,
    ) -> None:
        self.snapshot, self.changes, self.ping = snapshot, changes, ping
        self.listener = Listener(self._hear, self._lose)
        self.users: dict[str, _User] = {}
        self.watching: asyncio.Task[None] | None = None

    async def send(self, stream: Stream) -> AsyncIterator[bytes]:
        """The stream's bytes until it ends."""
        await self.listener.listen()  # before the snapshot, so that no change between them is missed
        self._join(stream)
        try:
            if await self._begin(stream):
                async for data in stream:
                    yield data
        finally:
            self._leave(stream)

    async def _begin(self, stream: Stream) -> bool:
        """False for a stream whose session ended after the request was let in."""
        async with self._user(stream).order:
            if await aside(_ended, [stream]):
                return False
            stream.put(*await aside(self.snapshot, stream))
            return True

    def _user(self, stream: Stream) -> _User:
        return self.users.setdefault(str(stream.user.pk), _User())

    def _join(self, stream: Stream) -> None:
        streams = self._user(stream).streams
        streams.append(stream)
        if len(streams) > MOST:
            streams.pop(0).end(REPLACED)
        if self.watching is None:
            self.watching = asyncio.create_task(self._watch())
        if self.listener.task is None:  # the subscription failed
            stream.end(AWAY)

    def _leave(self, stream: Stream) -> None:
        with suppress(ValueError):
            self._user(stream).streams.remove(stream)
        if not self._user(stream).streams:
            del self.users[str(stream.user.pk)]
        if not self.users and self.watching:
            self.watching.cancel()
            self.watching = None

    # ------------------------------------------------------------ changes

    def _hear(self, user_id: str, message: Message) -> None:
        user = self.users.get(user_id)
        if user is None:
            return
        if message["model"] == END:
            for stream in user.streams:
                if message["id"] in ("", stream.session):
                    stream.end()
            return
        user.changed[message["model"], message["id"]] = message
        if user.reading is None:
            user.reading = asyncio.create_task(self._read(user))

    async def _read(self, user: _User) -> None:
        try:
            while user.changed and user.streams:
                async with user.order:
                    messages, user.changed = list(user.changed.values()), {}
                    languages = {stream.language for stream in user.streams}
                    events = await aside(self.changes, user.streams[0].user, messages, languages)
                    for stream in user.streams:
                        stream.put(*events.get(stream.language, ()))
        except Exception:  # the clients reconnect for a snapshot
            log.exception("a change could not be read")
            for stream in user.streams:
                stream.end(AWAY)
        finally:
            user.reading = None

    def _lose(self) -> None:
        for stream in self._all():
            stream.end(AWAY)

    def _all(self) -> list[Stream]:
        return [stream for user in self.users.values() for stream in user.streams]

    async def _watch(self) -> None:
        """Every `ping` seconds: ends the streams of ended and expired sessions, whose message may have been
        lost, and lets the others say that they are still there."""
        while True:
            await asyncio.sleep(self.ping)
            ended: list[Stream] = []
            with suppress(DatabaseError):
                ended = await aside(_ended, self._all())
            for stream in self._all():
                stream.end() if stream in ended else stream.put(("", STILL_HERE))


def _ended(streams: list[Stream]) -> list[Stream]:
    """Those whose session has ended or whose account is closed."""
    keys = {stream.session_key for stream in streams} - {""}
    sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    people = get_user_model().objects.filter(pk__in={s.user.pk for s in streams}, is_active=True)
    open_keys = {"", *sessions.values_list("session_key", flat=True)}
    active = set(people.values_list("pk", flat=True))
    return [s for s in streams if s.session_key not in open_keys or s.user.pk not in active]


async def aside(act: Any, *args: Any) -> Any:
    """Calls `act` in a thread, then frees its database connection at once."""

    def run() -> Any:
        try:
            return act(*args)
        finally:
            if not connection.in_atomic_block:
                connection.close()

    return await asyncio.get_running_loop().run_in_executor(_threads, run)
