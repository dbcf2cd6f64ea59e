"""What time does to credits."""

from __future__ import annotations

from celery import shared_task

from billing import ledger


@shared_task(name="billing.expire")
def expire() -> int:
    """How many credits were past their time."""
    return ledger.expire()
