"""Server-sent events over the runs: Redis says which row changed, and what is sent to the client is read
from the row.

A process holds one Redis subscription, however many streams it serves. A client that (re)connects gets a
snapshot first, so a lost message costs nothing. Without Redis the stream says so and the client polls.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from typing import Any

import redis
import redis.asyncio
from django.apps import apps
from django.conf import settings
from django.db import transaction

log = logging.getLogger(__name__)

CHANNEL = "events:"
END = "end"
Message = dict[str, str]  # {"model": "generation.job", "id": "..."}
_client: redis.Redis | None = None


def publish(run: Any) -> None:
    """Once the transaction is committed, the streams of the run's user hear that it changed. One that is
    not shown is told to nobody."""
    if run.shown:
        user_id, message = run.user_id, {"model": run._meta.label_lower, "id": str(run.id)}
        transaction.on_commit(lambda: _publish(user_id, message), robust=True)


def end_streams(user_id: Any) -> None:
    """Once the transaction is committed, every event stream of this user ends."""
    transaction.on_commit(lambda: _publish(user_id, {"model": END}), robust=True)


def _publish(user_id: Any, message: Message) -> None:
    global _client
    if _client is None:
        _client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
    try:
        _client.publish(f"{CHANNEL}{user_id}", json.dumps(message))
    except redis.RedisError as e:
        log.warning("no event for %s: %s", user_id, e)


def read(user: Any, message: Message) -> Any | None:
    """The run that a message names, as it is now; None when this user does not see it (any more)."""
    kind: Any = apps.get_model(message["model"])
    return kind.objects.owned_by(user).shown().filter(id=message["id"]).first()


class Listener:
    """One for a process: a Redis subscription, and a queue for each stream."""

    def __init__(self) -> None:
        self.streams: dict[str, set[asyncio.Queue[Message | None]]] = defaultdict(set)
        self.task: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()  # the subscription stands, or has failed

    def join(self, user_id: Any) -> asyncio.Queue[Message | None]:
        """A queue for the messages of a user from when `ready` is set; None in it is the end. Call `leave`
        afterwards."""
        queue: asyncio.Queue[Message | None] = asyncio.Queue(maxsize=1000)
        self.streams[str(user_id)].add(queue)
        if self.task is None:
            self.ready.clear()
            self.task = asyncio.create_task(self._listen())
        return queue

    def leave(self, user_id: Any, queue: asyncio.Queue[Message | None]) -> None:
        self.streams[str(user_id)].discard(queue)
        if not self.streams[str(user_id)]:
            del self.streams[str(user_id)]

    async def _listen(self) -> None:
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1)
        try:
            async with client.pubsub() as subscription:
                await subscription.psubscribe(f"{CHANNEL}*")
                async for message in subscription.listen():
                    self._hear(message)
        except (redis.RedisError, OSError) as e:
            log.warning("events stopped: %s", e)
        finally:
            self.task = None  # the next to join starts a new subscription
            self._end_all()
            self.ready.set()
            await client.aclose()

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "psubscribe":
            self.ready.set()
        elif message["type"] == "pmessage":
            self._hand_out(message["channel"].decode()[len(CHANNEL) :], json.loads(message["data"]))

    def _end_all(self) -> None:
        for queue in [q for queues in self.streams.values() for q in queues]:
            self._end(queue)

    def _end(self, queue: asyncio.Queue[Message | None]) -> None:
        if queue.full():
            queue.get_nowait()
        queue.put_nowait(None)

    def _hand_out(self, user_id: str, message: Message) -> None:
        for queue in self.streams.get(user_id, ()):
            if message["model"] == END or queue.full():
                self._end(queue)  # over, or so far behind that this client should come back for a snapshot
            else:
                queue.put_nowait(message)


listener = Listener()
