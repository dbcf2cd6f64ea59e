"""Figures of restorations for staff."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Avg, Count, ExpressionWrapper, F, FloatField, Q
from django.db.models.aggregates import Aggregate
from django.db.models.functions import Extract

from generation.restorations.models import Restoration
from support.insights.figures import Period


class Percentile(Aggregate):
    """PostgreSQL's continuous percentile of an expression."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()  # type: ignore[assignment]

    def __init__(self, expression: object, share: float, **extra: object):
        super().__init__(expression, share=share, **extra)


@dataclass(frozen=True)
class Restorations:
    """The restorations by one restorer that were asked for in a period; "" where none made a result.
    `flagged`: how many may not show the same person. `median`, `slow` (95th percentile): seconds of work.
    `gain`: mean quality after less before. The last four are None without results."""

    engine: str
    asked: int
    done: int
    failed: int
    flagged: int
    median: float | None
    slow: float | None
    gain: float | None
    rating: float | None


def restorations_by_engine(period: Period) -> list[Restorations]:
    done = Q(job__status="succeeded")
    seconds = Extract(F("job__finished_at") - F("job__started_at"), "epoch")
    gain = ExpressionWrapper(F("after") - F("before"), FloatField())
    rows = (
        Restoration.objects.filter(created_at__range=period.moments)
        .order_by("engine")
        .values("engine")
        .annotate(
            asked=Count("id"),
            done=Count("id", filter=done),
            failed=Count("id", filter=Q(job__status="failed")),
            flagged_ones=Count("id", filter=Q(flagged=True)),
            median=Percentile(seconds, 0.5, filter=done),
            slow=Percentile(seconds, 0.95, filter=done),
            gain=Avg(gain),
            mean_rating=Avg("rating"),
        )
    )
    return [
        Restorations(
            row["engine"],
            row["asked"],
            row["done"],
            row["failed"],
            row["flagged_ones"],
            row["median"],
            row["slow"],
            row["gain"],
            row["mean_rating"],
        )
        for row in rows
    ]


@dataclass(frozen=True)
class Failures:
    code: str
    count: int


def failures_by_code(period: Period) -> list[Failures]:
    rows = (
        Restoration.objects.filter(created_at__range=period.moments, job__status="failed")
        .values("job__error_code")
        .annotate(count=Count("id"))
        .order_by("-count", "job__error_code")
    )
    return [Failures(row["job__error_code"], row["count"]) for row in rows]
