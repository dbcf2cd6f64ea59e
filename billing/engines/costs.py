"""What work costs the operator, by the price list of each engine (EngineCost)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal

from billing.engines.models import EngineCost


def valid_on(
    day: date, engine: str, job_kind: str, rows: Iterable[EngineCost] | None = None
) -> EngineCost | None:
    """The row that holds on a day; of the engine's rows, one for the kind comes before one for every kind."""
    found = EngineCost.objects.filter(engine=engine) if rows is None else rows
    live = [row for row in found if row.engine == engine and (row.since is None or row.since <= day)]
    for kind in (job_kind, ""):
        if of_kind := [row for row in live if row.job_kind == kind]:
            return max(of_kind, key=lambda row: row.since or date.min)
    return None


def cents_of(
    engine: str, job_kind: str, units: Decimal | float, *, at: datetime | None = None
) -> Decimal | None:
    """The cost of `units` (trainings, pictures or megapixels) at this moment; None when no price is set."""
    moment = at or datetime.now(UTC)
    row = valid_on(moment.astimezone(UTC).date(), engine, job_kind)
    return None if row is None else (Decimal(str(units)) * row.unit_cents).quantize(Decimal("0.001"))
