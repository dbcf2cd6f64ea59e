"""Collects the product's metrics. They come from the database and Redis, so every web process tells the same.

A scrape costs some 90 short queries (0.3 s; 0.6 s with 240,000 photos, on two busy cores). Each part may
take SECONDS, and what was collected serves KEPT seconds, so that several scrapers cost no more than one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from django.db import DatabaseError, connection, transaction
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from redis import RedisError

from support.metrics import house, money, work
from support.metrics.families import gauge

log = logging.getLogger(__name__)

SECONDS, KEPT = 2, 10.0
Part = Callable[[], Iterator[Metric]]
WITHOUT_DATABASE: tuple[Part, ...] = (
    *(house.disk, house.maintenance, house.vault, house.devices, house.base_backup),
)
PARTS: tuple[Part, ...] = (
    *(work.runs, work.queues, work.trainings, work.pictures, work.likeness, work.photos),
    *(money.credits, money.checks, money.webhooks),
    *(house.takedowns, house.archive),
)


class Product(Collector):
    def __init__(self) -> None:
        self._lock, self._at, self._kept = threading.Lock(), float("-inf"), list[Metric]()

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> list[Metric]:
        with self._lock:
            if time.monotonic() - self._at >= KEPT:
                self._kept, self._at = list(_collected()), time.monotonic()
            return self._kept

    def forget(self) -> None:
        self._at = float("-inf")


def _collected() -> Iterator[Metric]:
    """A part that fails is left out and counted. Without a database the pool is asked once: it waits long."""
    up, failures = _answers(), 0
    for part in WITHOUT_DATABASE + (PARTS if up else ()):
        try:
            yield from _bounded(part) if part in PARTS else list(part())
        except (DatabaseError, RedisError, OSError) as error:
            log.warning("no metrics of %s: %s", part.__name__, error)
            failures += 1
    yield gauge("database_up", "1 where the database answers.", int(up))
    yield gauge("scrape_failures", "Parts that could not be collected.", failures)


def _bounded(part: Part) -> list[Metric]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{SECONDS}s'")
        return list(part())


def _answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
        return True
    except DatabaseError:
        return False


product = Product()
registry = CollectorRegistry()
registry.register(product)
