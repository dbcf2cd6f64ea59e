"""The sweeper."""

from __future__ import annotations

from celery import shared_task

from config.runs import idempotency
from config.runs.models import kinds


@shared_task(name="config.forget")
def forget() -> int:
    """Idempotency keys past their time; how many."""
    return idempotency.forget()


@shared_task(name="config.sweep")
def sweep() -> int:
    """One round over every kind of run; how many rows it touched."""
    return sum(kind.sweep() for kind in kinds())
