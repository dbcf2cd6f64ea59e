"""Figures of work: how much of it failed, how long people waited, and how like their twins pictures are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import CharField, Count, F, Q, Value
from django.db.models.functions import Extract

from billing.runs import PaidRun, paid_kinds
from config.runs.states import Status
from gallery.models import Item
from ml.catalogue import BASES
from support.insights.figures import Period
from support.insights.restorations import Percentile


@dataclass(frozen=True)
class Work:
    """The runs of one kind that ended on these days. `failed_share` is of those that succeeded or failed.
    Seconds from the request to the start (`wait`) and from there to the end (`run`): the median, and what
    19 of 20 keep below. They are None where nothing was started."""

    kind: str
    done: int
    failed: int
    cancelled: int
    failed_share: float | None
    wait: float | None
    wait_95: float | None
    run: float | None
    run_95: float | None


def work(period: Period) -> list[Work]:
    rows = (_row(row) for kind in paid_kinds() for row in _ended(kind, period))
    return sorted(rows, key=lambda row: row.kind)


def _ended(kind: type[PaidRun], period: Period) -> Iterable[dict[str, Any]]:
    """A model with a `kind` column has several kinds, any other model one."""
    says = any(field.name == "kind" for field in kind._meta.fields)
    name: Any = F("kind") if says else Value(kind.kind_name, CharField())
    waited = Extract(F("started_at") - F("created_at"), "epoch")
    ran = Extract(F("finished_at") - F("started_at"), "epoch")
    return (
        kind.objects.filter(finished_at__range=period.moments)
        .order_by()
        .values(run_kind=name)
        .annotate(**{status: Count("id", filter=Q(status=status)) for status in ("succeeded", "failed")})
        .annotate(cancelled=Count("id", filter=Q(status=Status.CANCELLED)))
        .annotate(wait=Percentile(waited, 0.5), wait_95=Percentile(waited, 0.95))
        .annotate(run=Percentile(ran, 0.5), run_95=Percentile(ran, 0.95))
    )


def _row(row: dict[str, Any]) -> Work:
    done, failed, cancelled = row["succeeded"], row["failed"], row["cancelled"]
    share = failed / (done + failed) if done + failed else None
    seconds = (row[name] for name in ("wait", "wait_95", "run", "run_95"))
    return Work(row["run_kind"], done, failed, cancelled, share, *seconds)


@dataclass(frozen=True)
class Likeness:
    """The pictures of twins that an engine made on these days: the median of their likeness, what 19 of 20
    keep above, and the share that the engine's floor does not recognise."""

    engine: str
    pictures: int
    median: float | None
    low: float | None
    unlike_share: float | None


def likeness(period: Period) -> list[Likeness]:
    floors = [Q(engine=base.name, likeness__lt=base.floor) for base in BASES.values()]
    rows = (
        Item.objects.filter(created_at__range=period.moments, likeness__isnull=False)
        .order_by("engine")
        .values("engine")
        .annotate(pictures=Count("id"), unlike=Count("id", filter=reduce(or_, floors)))
        .annotate(median=Percentile(F("likeness"), 0.5), low=Percentile(F("likeness"), 0.05))
    )
    return [
        Likeness(row["engine"], row["pictures"], row["median"], row["low"], row["unlike"] / row["pictures"])
        for row in rows
    ]
