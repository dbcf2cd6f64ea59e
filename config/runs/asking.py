"""A question to a worker whose answer a request waits for. Nothing of it is stored: question and answer lie
in Redis for some seconds, so the asker seals what nobody else may read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.runs import broker
from config.runs.connections import release

KEPT = 10  # seconds
_clients: list[redis.Redis] = []  # none or one; a client may be used by several threads


def _client() -> redis.Redis:
    if not _clients:
        options = {"socket_timeout": KEPT, "socket_connect_timeout": 1, "retry": Retry(NoBackoff(), 0)}
        _clients.append(redis.Redis.from_url(settings.REDIS_URL, **options))
    return _clients[0]


def ask(task: str, question: bytes, *, queue: str, patience: float) -> dict[str, Any] | None:
    """The answer, or None where no worker gave one within `patience` seconds (less than KEPT)."""
    ident = uuid4().hex
    try:
        _client().set(_question(ident), question, ex=KEPT)
        if not broker.enqueue(task, ident, queue):
            return None
        release()  # no connection of the database is held while the request waits
        found: Any = _client().blpop([_answer(ident)], timeout=patience)
        _client().delete(_question(ident))
    except redis.RedisError:
        return None
    return dict(json.loads(found[1])) if found else None


def take(ident: str) -> bytes | None:
    """The question, for the one worker that answers it; None where nobody waits any more."""
    found: Any = _client().getdel(_question(ident))
    return found if found is None else bytes(found)


def answer(ident: str, said: Mapping[str, Any]) -> None:
    with _client().pipeline() as pipe:
        pipe.rpush(_answer(ident), json.dumps(said))
        pipe.expire(_answer(ident), KEPT)
        pipe.execute()


def _question(ident: str) -> str:
    return f"question:{ident}"


def _answer(ident: str) -> str:
    return f"answer:{ident}"
