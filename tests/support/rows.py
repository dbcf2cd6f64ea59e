"""Makes rows for the tests of the figures: invoices, runs and subscriptions of November 2026."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.test import Client

from billing import ledger
from billing.models import Invoice, Subscription, Transfer
from generation.models import Job
from support.insights.figures import Period
from twins.models import Training, Twin

PAGE = "/admin/billing/invoice/figures/"
NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 30))
DAYS = "?from=2026-11-01&to=2026-11-30"
numbers = count(1)


def at(day: int, hour: int = 12, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def invoice(
    alice: Any, paid_at: datetime | None, total: int, plan: str | None = "pro", **fields: Any
) -> Invoice:
    facts = {"status": "paid", "currency": "usd", "created_at": at(1), "plan_id": plan, **fields}
    wallet = ledger.wallet_of(alice).id
    return Invoice.objects.create(
        id=f"in_{next(numbers)}", wallet=wallet, total=total, paid_at=paid_at, **facts
    )


def job(user: Any, seconds: float, units: int = 1, **fields: Any) -> Job:
    facts = {
        "status": "succeeded",
        "engine": "nano",
        "started_at": at(3),
        "finished_at": at(3) + timedelta(seconds=seconds),
        **fields,
    }
    return Job.objects.create(user=user, prompt="x", seed=1, units=units, **facts)


def training(user: Any, seconds: float, **fields: Any) -> Training:
    facts = {
        "status": "succeeded",
        "engine": "nano",
        "units": 1,
        "started_at": at(3),
        "finished_at": at(3) + timedelta(seconds=seconds),
        **fields,
    }
    twin = Twin.objects.create(user=user, name="Me")
    return Training.objects.create(user=user, twin=twin, number=1, base="nano", **facts)


def subscription(created_at: datetime, ended_at: datetime | None = None, status: str = "active") -> None:
    ident = f"sub_{next(numbers)}"
    times = {"anchor": created_at, "period_start": created_at, "period_end": created_at + timedelta(30)}
    wallet = "00000000-0000-0000-0000-000000000001"
    Subscription.objects.create(
        id=ident,
        wallet=wallet,
        plan_id="pro",
        interval="month",
        status=status,
        created_at=created_at,
        ended_at=ended_at,
        **times,
    )


def on(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Sets the ledger's clock, and that of Transfer.created_at, whose default was bound with the class."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)
    monkeypatch.setattr(Transfer._meta.get_field("created_at"), "_get_default", lambda: moment)


def totals(client: Client, query: str = DAYS) -> dict[str, str]:
    text = client.get(PAGE + query).content.decode()
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text))
