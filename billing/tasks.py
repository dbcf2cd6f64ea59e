"""What time does to credits and plans."""

from __future__ import annotations

from celery import shared_task

from billing import ledger
from billing.payments import gateway, sync


@shared_task(name="billing.expire")
def expire() -> int:
    """How many credits were past their time."""
    return ledger.expire()


@shared_task(name="billing.months")
def months() -> int:
    """How many months of years that were paid at once began."""
    return sync.next_months()


@shared_task(name="billing.lapse")
def lapse() -> int:
    """How many plans were not paid within the days of grace."""
    return sync.lapse() if gateway.configured() else 0
