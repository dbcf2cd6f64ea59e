"""Metrics of money: credits, the proof of the ledger, events of Stripe and webhooks that are late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Sum
from django.utils import timezone
from prometheus_client.metrics_core import Metric

from accounts.developers.models import Delivery
from billing.models import LedgerAccount, WebhookEvent
from support.metrics.families import counter, gauge
from support.metrics.models import Check

LATE = timedelta(minutes=5)  # after its time
WEEK = timedelta(days=7)
CHECKS = ("ledger", "audit")


def credits() -> Iterator[Metric]:
    kind = LedgerAccount.Kind
    rows = LedgerAccount.objects.filter(kind__in=(kind.HELD, kind.EARNED)).order_by()
    found = dict(rows.values_list("kind").annotate(n=Sum("balance")))
    yield gauge("credits_held", "Credits held for runs that are not over.", found.get(kind.HELD, 0))
    yield counter("credits_captured", "Credits captured for what was delivered.", found.get(kind.EARNED, 0))


def checks() -> Iterator[Metric]:
    """A check that never ran has no problems and was last run in 1970."""
    rows = {row.name: row for row in Check.objects.all()}
    found = [(name, rows.get(name)) for name in CHECKS]
    wrong = [((name,), row.problems if row else 0) for name, row in found]
    at = [((name,), row.at.timestamp() if row else 0.0) for name, row in found]
    yield gauge("check_problems", "Problems that the last check found.", wrong, ("check",))
    yield gauge("check_timestamp_seconds", "When it was last checked.", at, ("check",))


def webhooks() -> Iterator[Metric]:
    now = timezone.now()
    ours = Delivery.objects.filter(status=Delivery.Status.PENDING, next_at__lt=now - LATE).count()
    failed = WebhookEvent.objects.filter(received_at__gte=now - WEEK, state=WebhookEvent.State.FAILED).count()
    rows = [(("ours",), ours), (("stripe",), failed)]
    about = "Deliveries to people's servers that are late, and events of Stripe that could not be applied."
    yield gauge("webhooks_late", about, rows, ("of",))
