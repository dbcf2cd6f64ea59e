"""Periodic tasks: credits expire, monthly credits are given, unpaid plans end."""

from __future__ import annotations

from celery import shared_task

from billing import ledger
from billing.engines import settling
from billing.payments import gateway, invoices, sync
from config.runs import clock


@shared_task(name="billing.expire")
def expire() -> int:
    """Expire credits; returns how many."""
    return ledger.expire(clock.now())  # a process whose clock is ahead takes nobody's credits early


@shared_task(name="billing.months")
def months() -> int:
    """Give the monthly credits of plans that were paid by the year; returns how many months began."""
    return invoices.next_months()


@shared_task(name="billing.lapse")
def lapse() -> int:
    """End plans that were not paid within the days of grace; returns how many."""
    return sync.lapse() if gateway.configured() else 0


@shared_task(name="billing.settle_remote")
def settle_remote(_run: str = "") -> int:
    """End what is left open at services; returns how many rows changed. The end of a run calls it with the
    run's id."""
    return settling.settle()
