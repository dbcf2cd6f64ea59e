"""Server-sent events over the runs: a change is told through Redis, what is sent is read from the row.

Every web process holds one Redis subscription, however many streams it serves. A client that (re)connects gets a snapshot
first, so a message that was lost costs nothing; without Redis the stream says so and the client polls.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from typing import Any

import redis
import redis.asyncio
from django.conf import settings
from django.db import transaction

log = logging.getLogger(__name__)

CHANNEL = "events:"
END = "end"
_client: redis.Redis | None = None


def tell(row: Any) -> None:
    """Once the transaction is committed: the owner's streams look at this row."""
    tell_user(row.user_id, {"kind": row.kind_name, "id": str(row.id)})


def end_streams(user_id: Any) -> None:
    """Once the transaction is committed: every event stream of this user ends."""
    tell_user(user_id, {"kind": END})


def tell_user(user_id: Any, message: dict[str, str]) -> None:
    transaction.on_commit(lambda: _publish(user_id, message), robust=True)


def _publish(user_id: Any, message: dict[str, str]) -> None:
    global _client
    if _client is None:
        _client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
    try:
        _client.publish(f"{CHANNEL}{user_id}", json.dumps(message))
    except redis.RedisError as e:
        log.warning("no event for %s: %s", user_id, e)


class Hub:
    """One a process: a Redis subscription, and a queue for each stream."""

    def __init__(self) -> None:
        self.streams: dict[str, set[asyncio.Queue[dict[str, str] | None]]] = defaultdict(set)
        self.task: asyncio.Task[None] | None = None
        self.heard = asyncio.Event()  # the subscription stands, or has failed

    def join(self, user_id: Any) -> asyncio.Queue[dict[str, str] | None]:
        """What follows for a user comes into this queue, from when `heard` is set; None is the end. Whoever joins leaves, too."""
        queue: asyncio.Queue[dict[str, str] | None] = asyncio.Queue(maxsize=1000)
        self.streams[str(user_id)].add(queue)
        if self.task is None:
            self.heard.clear()
            self.task = asyncio.create_task(self._pump())
        return queue

    def leave(self, user_id: Any, queue: asyncio.Queue[dict[str, str] | None]) -> None:
        self.streams[str(user_id)].discard(queue)
        if not self.streams[str(user_id)]:
            del self.streams[str(user_id)]

    async def _pump(self) -> None:
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1)
        try:
            async with client.pubsub() as subscription:
                await subscription.psubscribe(f"{CHANNEL}*")
                async for message in subscription.listen():
                    if message["type"] == "psubscribe":
                        self.heard.set()
                    elif message["type"] == "pmessage":
                        self._hand_out(
                            message["channel"].decode()[len(CHANNEL) :], json.loads(message["data"])
                        )
        except (redis.RedisError, OSError) as e:
            log.warning("events stopped: %s", e)
        finally:
            self.task = None  # who joins from here on starts anew
            self._end_all()
            self.heard.set()
            await client.aclose()

    def _end_all(self) -> None:
        for queue in [q for queues in self.streams.values() for q in queues]:
            self._end(queue)

    def _end(self, queue: asyncio.Queue[dict[str, str] | None]) -> None:
        if queue.full():
            queue.get_nowait()
        queue.put_nowait(None)

    def _hand_out(self, user_id: str, message: dict[str, str]) -> None:
        for queue in self.streams.get(user_id, ()):
            if message["kind"] == END or queue.full():
                self._end(queue)  # over, or so far behind that it does better to come back for a snapshot
            else:
                queue.put_nowait(message)


hub = Hub()
