"""Server-sent events about runs: a Redis message names the changed row, and the stream sends the row's
current state.

A process holds one Redis subscription for all its streams. A client that (re)connects gets a snapshot
first, so a lost message does no harm. Without Redis the stream says so and the client polls.
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
    """Once the transaction is committed, tell the user's streams that the run changed. Does nothing for a
    run that is not shown."""
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
    """The run that a message names, read anew; None when this user does not see it (any more)."""
    kind: Any = apps.get_model(message["model"])
    return kind.objects.owned_by(user).shown().filter(id=message["id"]).first()


class Listener:
    """The Redis subscription of this process, and a queue for each stream."""

    def __init__(self) -> None:
        self.streams: dict[str, set[asyncio.Queue[Message | None]]] = defaultdict(set)
        self.task: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()  # set once the subscription is made or has failed

    def join(self, user_id: Any) -> asyncio.Queue[Message | None]:
        """A new queue that gets a user's messages once `ready` is set, and None at the end. Call `leave`
        when done."""
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
            self.task = None  # the next `join` subscribes again
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
                self._end(queue)  # ended; or the client is far behind, and reconnects for a snapshot
            else:
                queue.put_nowait(message)


listener = Listener()
