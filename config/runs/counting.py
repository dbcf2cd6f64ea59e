"""Counts of what happens in any process, in Redis. Without Redis nothing is counted, and nothing fails."""

from __future__ import annotations

import logging

import redis

from config.runs.circuit import client

log = logging.getLogger(__name__)


def count(name: str) -> None:
    try:
        client().incr(_key(name))
    except redis.RedisError as e:
        log.warning("not counted: %s (%s)", name, e)


def counted(*names: str) -> dict[str, int]:
    """How often each happened since Redis was last emptied. Raises RedisError."""
    found = client().mget([_key(name) for name in names])
    return {name: int(value or 0) for name, value in zip(names, found, strict=True)}


def _key(name: str) -> str:
    return f"count:{name}"
