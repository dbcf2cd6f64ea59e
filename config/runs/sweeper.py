"""The sweeper queues a run again when its worker is lost, and sends a new wake-up when no worker claimed it.
Celery beat runs it every 10 s. It is the only recovery: the broker redelivers nothing."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from config.runs import broker
from config.runs.models import Run, kinds
from config.runs.states import Status

log = logging.getLogger(__name__)

ENQUEUE_AGAIN = timedelta(seconds=20)  # how long to wait for a claim before another wake-up
MOST_LOST, MOST_WAITING = 100, 500  # most rows in one round: lost runs of a model, waiting runs of a queue


@shared_task(name="config.sweep")
def sweep() -> int:
    """One round over every model of runs; returns how many rows it touched."""
    return sum(sweep_kind(kind) for kind in kinds())


def sweep_kind(kind: type[Run]) -> int:
    lost = kind.objects.filter(status=Status.RUNNING, lease_until__lt=Now()).values_list("id", flat=True)
    recovered = sum(_recover(kind, ident) for ident in lost[:MOST_LOST])
    return recovered + sum(_enqueue_again(kind, queue, rows) for queue, rows in kind.by_queue().items())


def _recover(kind: type[Run], ident: Any) -> bool:
    """False when the worker has renewed the lease meanwhile, another sweeper holds the row, or it fails."""
    lapsed = kind.objects.filter(id=ident, status=Status.RUNNING, lease_until__lt=Now())
    try:
        with transaction.atomic():
            run = lapsed.select_for_update(of=("self",), skip_locked=True).first()
            if run:
                run.crashed()
    except Exception:
        log.exception("%s %s cannot be recovered", kind._meta.label, ident)
        return False
    return run is not None


def _enqueue_again(kind: type[Run], queue: str, rows: Q) -> int:
    """Sends wake-ups for the oldest runs of this queue that no worker has claimed."""
    unheard = Q(enqueued_at__lt=Now() - ENQUEUE_AGAIN) | Q(enqueued_at=None)
    found = list(
        kind.objects.filter(rows, unheard, status=Status.QUEUED).order_by("created_at")[:MOST_WAITING]
    )
    for run in found:
        kind.objects.filter(id=run.id).update(enqueued_at=Now())
        broker.enqueue(run.task, run.id, queue)
    return len(found)
