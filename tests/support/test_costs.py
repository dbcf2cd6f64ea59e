"""What work at other companies cost, by day and by request, and what is left of the credits."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from billing.engines.models import EngineCost, RemoteRequest
from support.insights import costs
from support.insights.costs import Cost, Margin
from support.insights.figures import Credits, Revenue
from tests.support.rows import NOVEMBER, at, job, training

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pro_plan")]
numbers = count(1)
D = Decimal


def booked(cents: str | None, when: datetime | None, kind: str = "image", **fields: Any) -> None:
    facts = {"service": "fal", "model": "m", "run_kind": kind, "run_id": uuid4(), "work": f"w{next(numbers)}"}
    RemoteRequest.objects.create(
        **{"state": "delivered", "cents": cents, "ended_at": when, **facts, **fields}
    )


def test_each_day_has_the_price_that_held_on_it(alice: Any) -> None:
    EngineCost.objects.create(engine="nano", unit_cents=1)
    EngineCost.objects.create(engine="nano", unit_cents=2, since=date(2026, 11, 10))
    EngineCost.objects.create(engine="nano", unit_cents=5, since=date(2026, 11, 20), job_kind="image")
    for day, units in ((9, 1), (10, 10), (19, 10), (20, 100)):
        job(alice, 1, units=units, started_at=at(day), finished_at=at(day, 23))
    found = costs.costs_by_engine_and_kind(NOVEMBER)
    assert [(cost.runs, cost.units, cost.cents) for cost in found] == [(4, 121, D(1 + 20 + 20 + 500))]


def test_a_price_that_begins_later_is_none_before(alice: Any) -> None:
    EngineCost.objects.create(engine="nano", unit_cents=2, since=date(2026, 11, 10))
    job(alice, 1, started_at=at(9), finished_at=at(9))
    job(alice, 1, started_at=at(10), finished_at=at(10))
    assert costs.costs_by_engine_and_kind(NOVEMBER)[0].cents is None


def test_a_hosted_engine_costs_what_was_booked_also_for_what_nobody_paid(alice: Any) -> None:
    job(alice, 5, units=1, engine="fal", captured=1)
    job(alice, 5, units=0, engine="fal", status="failed")
    training(alice, 60, engine="fal", status="failed", units=0)
    booked("3.5", at(3))
    booked("3.5", at(3), state="refused")
    booked("0", at(3), state="cancelled")
    booked("600", at(4), kind="training")  # of a twin below the floor
    booked("14", at(4), kind="training", state="lost")
    booked("3.5", at(5, month=12))
    booked(None, None, state="waiting")
    assert costs.costs_by_engine_and_kind(NOVEMBER) == [
        Cost("fal", "image", 2, 1, D(10), 1, D("7")),
        Cost("fal", "training", 1, 0, D(60), 0, D("614")),
    ]


def test_what_a_deleted_run_cost_stays(alice: Any) -> None:
    booked("3.5", at(3), service="together")
    assert costs.costs_by_engine_and_kind(NOVEMBER) == [Cost("together", "image", 0, 0, D(0), 0, D("3.5"))]


def test_a_request_whose_price_nobody_knows_makes_the_cost_unknown(alice: Any) -> None:
    booked("3.5", at(3))
    booked(None, at(3))
    assert costs.costs_by_engine_and_kind(NOVEMBER)[0].cents is None


def test_the_margin_of_an_engine_counts_credits_at_what_they_sold_for() -> None:
    day = date(2026, 11, 2)
    revenue = [Revenue(day, "pro", 4000), Revenue(day, "pack", 1000)]
    credits = [Credits(day, sold=500, granted=50, used=90, expired=0, taken_back=0)]
    found = [
        Cost("fal", "image", 1, 4, D(1), 10, D(14)),
        Cost("fal", "training", 1, 1, D(1), 80, D(600)),
        Cost("nano", "image", 1, 1, D(1), 5, None),
    ]
    assert costs.margins_by_engine(found, revenue, credits) == [
        Margin("fal", 90, D(900), D(614), D(286)),
        Margin("nano", 5, D(50), None, None),
    ]
    assert costs.margins_by_engine(found[:1], [], []) == [Margin("fal", 10, None, D(14), None)]
