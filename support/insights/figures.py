"""Figures for staff: revenue, credits by use, churn. costs.py has the cost of work.

Money is whole cents of settings.CURRENCY. Each function makes a constant number of queries, however many
rows there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db.models import BigIntegerField, Count, F, Q, Sum, Value
from django.db.models.functions import Cast, Coalesce, Greatest, TruncDate

from billing.models import Invoice, Subscription, Transfer

Kind = Transfer.Kind
PACK = "pack"  # stands for the plan's code in rows of invoices without a plan
NEVER_LIVE = ("incomplete", "incomplete_expired")  # the first payment was never made


@dataclass(frozen=True)
class Period:
    """Days in UTC, both ends included."""

    start: date
    end: date

    @property
    def days(self) -> list[date]:
        return [self.start + timedelta(n) for n in range((self.end - self.start).days + 1)]

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """The first and the last microsecond, for `__range`. PostgreSQL also stores microseconds."""
        return datetime.combine(self.start, time.min, UTC), datetime.combine(self.end, time.max, UTC)


@dataclass(frozen=True)
class Revenue:
    day: date
    plan: str
    cents: int


def revenue_by_day_and_plan(period: Period) -> list[Revenue]:
    """Payments less tax, less refunds and disputes without the tax in them.

    A later refund counts on the day of the payment, not on its own day.
    """
    stays = Greatest(F("total") - F("refunded") - F("disputed"), 0)
    rows = (
        Invoice.objects.filter(paid_at__range=period.moments, currency=settings.CURRENCY)
        .values(day=TruncDate("paid_at", tzinfo=UTC), code=Coalesce("plan", Value(PACK)))
        .annotate(
            cents=Sum(
                Cast(F("total") - F("tax"), BigIntegerField()) * stays / Greatest(F("total"), 1),
                output_field=BigIntegerField(),
            )
        )
        .order_by("day", "plan__order", "code")
    )
    return [Revenue(row["day"], row["code"], row["cents"]) for row in rows]


def in_other_currencies(period: Period) -> int:
    """How many payments the revenue leaves out, because amounts in two currencies cannot be added."""
    return Invoice.objects.filter(paid_at__range=period.moments).exclude(currency=settings.CURRENCY).count()


@dataclass(frozen=True)
class Credits:
    day: date
    sold: int
    granted: int
    used: int
    expired: int
    taken_back: int  # below zero when more was returned


def credits_by_day(period: Period) -> list[Credits]:
    """Only days on which credits moved."""
    sums = {
        "sold": _sum(Kind.PLAN, Kind.PURCHASE),
        "granted": _sum(Kind.GRANT),
        "used": _sum(Kind.CAPTURE),
        "expired": _sum(Kind.EXPIRE),
        "taken_back": _sum(Kind.REFUND) - _sum(Kind.RESTORE),
    }
    moved = (Kind.PLAN, Kind.PURCHASE, Kind.GRANT, Kind.CAPTURE, Kind.EXPIRE, Kind.REFUND, Kind.RESTORE)
    rows = Transfer.objects.filter(created_at__range=period.moments, kind__in=moved)
    days = rows.values(day=TruncDate("created_at", tzinfo=UTC)).annotate(**sums).order_by("day")
    return [Credits(**day) for day in days]


def _sum(*kinds: str) -> Any:
    return Sum("amount", filter=Q(kind__in=kinds), default=0)


@dataclass(frozen=True)
class Churn:
    """Subscriptions: how many were `live` when the period began, how many of these `ended` in it, and how
    many are `new`."""

    live: int
    ended: int
    new: int
    share: float | None  # ended / live; None when none was live


def churn(period: Period) -> Churn:
    first, last = period.moments
    live = Q(created_at__lt=first) & (Q(ended_at=None) | Q(ended_at__gte=first))
    counts = Subscription.objects.exclude(status__in=NEVER_LIVE).aggregate(
        live=Count("id", filter=live),
        ended=Count("id", filter=live & Q(ended_at__lte=last)),
        new=Count("id", filter=Q(created_at__range=(first, last))),
    )
    return Churn(**counts, share=counts["ended"] / counts["live"] if counts["live"] else None)
