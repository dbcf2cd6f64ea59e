"""Sends the deliveries that are due, many at once, one at a time to each endpoint.

One dispatcher runs at a time. Its thread owns the database: it takes what is due and writes down what became
of it, while a second thread waits for all endpoints together. An endpoint whose last delivery hung shares few
places with the others that hung, so that it never keeps anybody else waiting.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from accounts.developers import outcomes, sending
from accounts.developers.models import Delivery, Webhook
from accounts.developers.signing import signature
from accounts.developers.webhooks import secrets_of
from config.runs.stopping import told_to_stop

log = logging.getLogger(__name__)

PLACES, HUNG_PLACES = 256, 64  # deliveries on their way; of them, to endpoints that hung
LEASE = timedelta(seconds=60)  # of an endpoint: a dispatcher that dies frees it after this
LOOK = 0.1  # seconds between two looks for what has become due
LOCK = "webhooks"


def deliver() -> int:
    """Sends what is due, unless another dispatcher does; returns how many were sent.

    Who finds the lock taken may leave: its holder looks again after it has given the lock back.
    """
    sent = 0
    while not told_to_stop.is_set() and _due().exists():
        with _alone() as alone:
            if not alone:
                break
            with Dispatcher() as dispatcher:
                sent += dispatcher.run()
    return sent


@contextmanager
def _alone() -> Iterator[bool]:
    """A lock of this database connection: it is gone with the process that holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [LOCK])
        mine = cursor.fetchone()[0]
        try:
            yield mine
        finally:
            if mine:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [LOCK])


class Dispatcher:
    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.resolvers = ThreadPoolExecutor(PLACES)  # a name server may hang as well
        self.loop.set_default_executor(self.resolvers)
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.client = sending.new_client()
        self.under_way: dict[Future[sending.Outcome], Delivery] = {}

    def __enter__(self) -> Dispatcher:
        self.thread.start()
        return self

    def __exit__(self, *_error: Any) -> None:
        """What is still under way is given up: it is sent again once its lease is over."""
        for future in self.under_way:
            future.cancel()
        asyncio.run_coroutine_threadsafe(self.client.aclose(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        self.resolvers.shutdown(wait=False, cancel_futures=True)

    def run(self) -> int:
        """Until nothing is due or under way, or this worker is told to stop."""
        sent = 0
        while not told_to_stop.is_set():
            self._begin()
            if not self.under_way:
                break
            done, _rest = wait(self.under_way, timeout=LOOK, return_when=FIRST_COMPLETED)
            outcomes.record([(self.under_way.pop(future), future.result()) for future in done])
            sent += len(done)
        return sent

    def _begin(self) -> None:
        hung = sum(one.webhook.hung_at is not None for one in self.under_way.values())
        for one in take(PLACES - len(self.under_way), HUNG_PLACES - hung):
            try:
                task = sending.send(self.client, parcel_of(one))
            except Exception:  # its secret cannot be opened: that must not stop the others
                log.exception("%s is not sent", one)
            else:
                self.under_way[asyncio.run_coroutine_threadsafe(task, self.loop)] = one


def _due() -> QuerySet[Webhook]:
    """The endpoints that something is due for and nothing is on its way to, annotated with since when."""
    waiting = Delivery.objects.filter(
        webhook=OuterRef("pk"), status=Delivery.Status.PENDING, next_at__lte=Now()
    )
    free = Webhook.objects.filter(
        Q(busy_until=None) | Q(busy_until__lt=Now()), disabled="", user__is_active=True
    )
    since = Subquery(waiting.order_by("next_at").values("next_at")[:1])
    return free.annotate(since=since).exclude(since=None).order_by("since")


@transaction.atomic
def take(places: int, hung_places: int) -> list[Delivery]:
    """The oldest due delivery of each of so many endpoints, which are busy from now on; `at` is the time."""
    due = _due().values_list("id", flat=True)
    hung = due.exclude(hung_at=None)[: max(0, min(hung_places, places))]
    chosen = [*due.filter(hung_at=None)[: max(0, places)], *hung][: max(0, places)]
    free = _due().filter(id__in=chosen)
    mine = list(
        free.order_by().select_for_update(of=("self",), skip_locked=True).values_list("id", flat=True)
    )
    found = (
        Delivery.objects.filter(webhook__in=mine, status=Delivery.Status.PENDING, next_at__lte=Now())
        .order_by("webhook_id", "next_at", "created_at")
        .distinct("webhook_id")
        .select_related("webhook")
        .annotate(at=Now())
    )
    Webhook.objects.filter(id__in=mine).update(busy_until=Now() + LEASE)
    return list(found)


def parcel_of(one: Delivery) -> sending.Parcel:
    now, body = int(one.at.timestamp()), one.body.encode()  # type: ignore[attr-defined]
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "PhotoFlux-Webhooks/1",
        "webhook-id": one.message,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(secrets_of(one.webhook), one.message, now, body),
    }
    return sending.Parcel(one.webhook.url, headers, body)
