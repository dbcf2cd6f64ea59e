"""Changes of runs, sent through Redis to the web processes: a message names the changed row.

A process holds one Redis subscription for all its event streams (config/web/streams.py). A client that
(re)connects gets a snapshot first, so a lost message does no harm.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable
from typing import Any

import redis
import redis.asyncio
from django.apps import apps
from django.conf import settings
from django.db import transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

from config import logs

log = logging.getLogger(__name__)

CHANNEL = "events:"
END = "end"
LIVE = "live"
# {"model": "generation.job", "id": "..."}; {"model": END, "id": a session or ""}; {"model": LIVE, "id": ""}
Message = dict[str, str]
_client: redis.Redis | None = None


def publish(run: Any) -> None:
    """Once the transaction is committed, tell the user's streams that the run changed. Does nothing for a
    run that is not shown."""
    if run.shown:
        user_id, message = run.user_id, {"model": run._meta.label_lower, "id": str(run.id)}
        transaction.on_commit(lambda: _publish(user_id, message), robust=True)


def publish_live(user_id: Any) -> None:
    """Once the transaction is committed, the user's streams read anew what `registry.live` has."""
    transaction.on_commit(lambda: _publish(user_id, {"model": LIVE, "id": ""}), robust=True)


def end_streams(user_id: Any, session_key: str = "") -> None:
    """Once the transaction is committed, the event streams of one session of this user end, or all of the
    user's."""
    message = {"model": END, "id": session_id(session_key)}
    transaction.on_commit(lambda: _publish(user_id, message), robust=True)


def session_id(session_key: str) -> str:
    """The name of a session in messages. Its key would let whoever reads Redis into the account."""
    return hashlib.sha256(session_key.encode()).hexdigest() if session_key else ""


def _publish(user_id: Any, message: Message) -> None:
    global _client
    if _client is None:
        soon = {"socket_timeout": 1, "socket_connect_timeout": 1, "retry": Retry(NoBackoff(), 1)}
        _client = redis.Redis.from_url(settings.REDIS_URL, **soon)
    try:
        _client.publish(f"{CHANNEL}{user_id}", json.dumps(message))
    except redis.RedisError as e:
        log.warning("no event for %s: %s", logs.pseudonym(user_id), e)


def read(user: Any, message: Message) -> Any | None:
    """The run that a message names, read anew; None when this user does not see it (any more), and for a
    message that names none."""
    if message["model"] == LIVE:
        return None
    kind: Any = apps.get_model(message["model"])
    return kind.objects.owned_by(user).shown().for_clients().filter(id=message["id"]).first()


class Listener:
    """The Redis subscription of this process: `heard(user_id, message)` gets each message, and `lost()` is
    called when the subscription breaks."""

    def __init__(self, heard: Callable[[str, Message], None], lost: Callable[[], None]) -> None:
        self.heard, self.lost = heard, lost
        self.task: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()  # set once the subscription is made or has failed

    async def listen(self) -> None:
        """Subscribes if no subscription stands, and waits until it is made or has failed."""
        if self.task is None:
            self.ready.clear()
            self.task = asyncio.create_task(self._listen())
        await self.ready.wait()

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
            self.task = None  # the next `listen` subscribes again
            self.lost()
            self.ready.set()
            await client.aclose()

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "psubscribe":
            self.ready.set()
        elif message["type"] == "pmessage":
            self.heard(message["channel"].decode()[len(CHANNEL) :], json.loads(message["data"]))
