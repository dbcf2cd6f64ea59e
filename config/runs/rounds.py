"""Celery's beat and what it starts, also where clocks differ or jump.

Celery's own beat starts nothing while its clock is behind the last start: put back by an hour, it would sweep
nothing for an hour. And Celery's way to drop a message that waited too long compares the clocks of two
processes. Here each start has a number, and a worker drops a message when a newer one of its task was sent.
"""

from __future__ import annotations

from typing import Any

import redis
from celery import Task
from celery.beat import PersistentScheduler
from celery.exceptions import Ignore

from config.runs.circuit import client

HEADER = "round"


class Scheduler(PersistentScheduler):  # type: ignore[misc]
    def tick(self, *args: Any, **kwargs: Any) -> float:
        ahead = [entry for entry in self.schedule.values() if entry.last_run_at > entry.default_now()]
        for entry in ahead:  # the clock was put back
            entry.last_run_at = entry.default_now()
        if ahead:
            self.populate_heap()
        return float(super().tick(*args, **kwargs))

    def apply_async(self, entry: Any, *args: Any, **kwargs: Any) -> Any:
        entry.options["headers"] = {HEADER: client().incr(_key(entry.task))}
        return super().apply_async(entry, *args, **kwargs)


class RoundTask(Task):  # type: ignore[misc]
    """The base of all tasks."""

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        sent = getattr(self.request, HEADER, None)
        if sent is not None and sent < _newest(self.name):
            raise Ignore


def _newest(task: str) -> int:
    try:
        return int(client().get(_key(task)) or 0)
    except redis.RedisError:  # rather once too often than not at all
        return 0


def _key(task: str) -> str:
    return f"round:{task}"
