"""The cost of work by engine, and what is left of the credits that it earned. Cents have fractions.

Work on our machines costs what EngineCost says of the day on which it ended. Work at another company costs
what was booked for its requests (RemoteRequest), also for those that were lost, refused or unlike the twin.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import CharField, Count, F, Q, Sum, Value
from django.db.models.functions import TruncDate

from billing.engines.costs import valid_on
from billing.engines.models import EngineCost, RemoteRequest
from billing.runs import PaidRun, paid_kinds
from config.studio import hosted, service_of
from support.insights.figures import Credits, Period, Revenue


@dataclass(frozen=True)
class Cost:
    """The runs of one kind on one engine. `cents` is None while the engine's cost is not set."""

    engine: str
    kind: str
    runs: int
    units: int
    seconds: Decimal  # of work
    credits: int  # captured
    cents: Decimal | None

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.engine,
            self.kind,
            self.runs + other.runs,
            self.units + other.units,
            self.seconds + other.seconds,
            self.credits + other.credits,
            None if self.cents is None or other.cents is None else self.cents + other.cents,
        )


def costs_by_engine_and_kind(period: Period) -> list[Cost]:
    """The cost of runs that were started and have ended, also of failed and cancelled ones."""
    rows = list(EngineCost.objects.all())
    found: dict[tuple[str, str], Cost] = {}
    worked = (_cost(work, rows) for kind in paid_kinds() for work in _work(kind, period))
    for cost in (*worked, *_booked(period)):
        before = found.get((cost.engine, cost.kind))
        found[cost.engine, cost.kind] = before + cost if before else cost
    return sorted(found.values(), key=lambda cost: (cost.engine, cost.kind))


def _work(kind: type[PaidRun], period: Period) -> Iterable[dict[str, Any]]:
    """Sums by engine, kind and day. A model with a `kind` column has several kinds, any other model one."""
    says = any(field.name == "kind" for field in kind._meta.fields)
    job_kind: Any = F("kind") if says else Value(kind.kind_name, CharField())
    done = kind.objects.filter(finished_at__range=period.moments, started_at__isnull=False)
    return (
        done.values("engine", job_kind=job_kind, day=TruncDate("finished_at", tzinfo=UTC))
        .annotate(runs=Count("id"), of_units=Sum("units"), credits=Sum("captured"))
        .annotate(time=Sum(F("finished_at") - F("started_at")))
        .order_by()
    )


def _cost(work: dict[str, Any], rows: list[EngineCost]) -> Cost:
    engine, kind, units = work["engine"], work["job_kind"], work["of_units"]
    seconds = Decimal(work["time"] // timedelta(microseconds=1)) / 1_000_000
    cents: Decimal | None = Decimal(0)
    if not service_of(engine):
        price = valid_on(work["day"], engine, kind, rows)
        cents = seconds * price.hour_cents / 3600 + units * price.unit_cents if price else None
    return Cost(engine, kind, work["runs"], units, seconds, work["credits"], cents)


def _booked(period: Period) -> Iterable[Cost]:
    """What the requests that ended in the period cost, also those of runs that are deleted."""
    ended = RemoteRequest.objects.filter(ended_at__range=period.moments).order_by()
    sums = ended.values("service", "run_kind").annotate(
        booked=Sum("cents", default=Decimal(0)), unknown=Count("id", filter=Q(cents=None))
    )
    for row in sums:
        engine = next(iter(hosted(row["service"])), row["service"])
        cents = None if row["unknown"] else row["booked"]
        yield Cost(engine, row["run_kind"], 0, 0, Decimal(0), 0, cents)


def total_cost(costs: Iterable[Cost]) -> Decimal | None:
    """The sum; None when one cost is not known, because the sum of the others would be too low."""
    cents = [cost.cents for cost in costs]
    return None if None in cents else sum(filter(None, cents), Decimal(0))


def margin(revenue: Iterable[Revenue], costs: Iterable[Cost]) -> Decimal | None:
    """Revenue less costs, in cents; None when a cost is not known."""
    cost = total_cost(costs)
    return None if cost is None else sum(row.cents for row in revenue) - cost


@dataclass(frozen=True)
class Margin:
    """What is left of the credits that an engine's work captured. A credit is worth the average of those
    sold in the period; `earned` is None when none were sold, `left` also when a cost is not known."""

    engine: str
    credits: int
    earned: Decimal | None  # cents
    cents: Decimal | None  # the cost
    left: Decimal | None


def margins_by_engine(
    costs: Iterable[Cost], revenue: Iterable[Revenue], credits: Iterable[Credits]
) -> list[Margin]:
    sold, by_engine = sum(day.sold for day in credits), {}
    for cost in costs:
        by_engine.setdefault(cost.engine, []).append(cost)
    each = Decimal(sum(row.cents for row in revenue)) / sold if sold else None
    return [_margin(engine, own, each) for engine, own in by_engine.items()]


def _margin(engine: str, costs: list[Cost], each: Decimal | None) -> Margin:
    captured, cents = sum(cost.credits for cost in costs), total_cost(costs)
    earned = None if each is None else captured * each
    left = None if earned is None or cents is None else earned - cents
    return Margin(engine, captured, earned, cents, left)
