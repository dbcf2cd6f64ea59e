"""The figures are exact. Each test makes its own rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing import ledger
from billing.engines.models import EngineCost
from billing.models import Transfer
from support.insights import costs as costs_of_work
from support.insights import figures
from support.insights.costs import Cost
from support.insights.figures import Churn, Credits, Revenue
from tests.support.rows import DAYS, NOVEMBER, PAGE, at, invoice, job, on, subscription, totals, training

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pro_plan")]
Kind = Transfer.Kind


def test_revenue_is_what_was_paid_without_tax_and_what_went_back(alice: Any) -> None:
    invoice(alice, at(2), 2400, tax=400)
    invoice(alice, at(2, 23), 2000, refunded=500)
    invoice(alice, at(2), 1000, plan=None)
    invoice(alice, at(5), 1000, plan=None, disputed=1000)
    invoice(alice, at(6), 2400, tax=400, refunded=1200)  # half of it refunded, with half of the tax
    invoice(alice, at(6), 0)
    assert figures.revenue_by_day_and_plan(NOVEMBER) == [
        Revenue(date(2026, 11, 2), "pro", 3500),
        Revenue(date(2026, 11, 2), "pack", 1000),
        Revenue(date(2026, 11, 5), "pack", 0),
        Revenue(date(2026, 11, 6), "pro", 1000),
    ]


def test_a_period_includes_its_first_and_last_day_and_nothing_else(alice: Any) -> None:
    last = datetime(2026, 11, 30, 23, 59, 59, 999999, tzinfo=UTC)
    for moment, cents in (
        (at(1, 0), 1),
        (last, 2),
        (at(1, 0) - timedelta(microseconds=1), 10),
        (at(1, 0, month=12), 20),
        (None, 40),
    ):
        invoice(alice, moment, cents)
    found = figures.revenue_by_day_and_plan(NOVEMBER)
    assert [(row.day.day, row.cents) for row in found] == [(1, 1), (30, 2)]


def test_two_currencies_are_not_added_up(alice: Any, staff: Client) -> None:
    invoice(alice, at(2), 700)
    invoice(alice, at(2), 900, currency="eur")
    assert [row.cents for row in figures.revenue_by_day_and_plan(NOVEMBER)] == [700]
    assert "1 payment in another currency is left out" in staff.get(PAGE + DAYS).content.decode()


def test_credits_are_counted_by_day_and_use(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, at(30, month=10))
    wallet = ledger.wallet_of(alice)  # 3 granted, in October
    on(monkeypatch, at(1))
    ledger.grant(wallet, 5, cause="staff:1")
    ledger.grant(wallet, 40, cause="invoice:1", kind=Kind.PLAN, expires_at=at(20))
    lot = ledger.grant(wallet, 60, cause="invoice:2", kind=Kind.PURCHASE)
    on(monkeypatch, at(2))
    ledger.hold(wallet, 10, cause="image:1")
    ledger.settle("image:1", captured=7)
    ledger.take_back(wallet, 30, cause="refund:1", lot=lot)
    ledger.restore(wallet, 12, cause="refund:1:2", of="refund:1")
    ledger.take_back(wallet, 1, cause="staff:2", kind=Kind.CORRECT, lot=lot)
    on(monkeypatch, at(21))
    assert ledger.expire() == 33  # the 40 of the plan without the 7 that were used
    assert figures.credits_by_day(NOVEMBER) == [
        Credits(date(2026, 11, 1), sold=100, granted=5, used=0, expired=0, taken_back=0),
        Credits(date(2026, 11, 2), sold=0, granted=0, used=7, expired=0, taken_back=18),
        Credits(date(2026, 11, 21), sold=0, granted=0, used=0, expired=33, taken_back=0),
    ]


def test_a_cost_adds_hours_and_units_and_a_row_for_the_kind_takes_precedence(alice: Any, bob: Any) -> None:
    EngineCost.objects.create(engine="nano", hour_cents=Decimal(360), unit_cents=Decimal("0.5"))
    EngineCost.objects.create(
        engine="nano", job_kind="training", hour_cents=Decimal(7200), unit_cents=Decimal(3)
    )
    job(alice, 90.5, units=4, captured=4)
    job(bob, 9.5, units=2, captured=1, status="failed")
    training(alice, 1800, captured=10)
    assert costs_of_work.costs_by_engine_and_kind(NOVEMBER) == [
        Cost("nano", "image", 2, 6, Decimal(100), 5, Decimal(13)),  # 100 s at 360 an hour, 6 units at 0.5
        Cost("nano", "training", 1, 1, Decimal(1800), 10, Decimal(3603)),
    ]


def test_each_engine_has_its_own_cost_and_other_days_do_not_count(alice: Any) -> None:
    EngineCost.objects.create(engine="other", unit_cents=Decimal("2.500"))
    job(alice, 5, units=3, engine="other")
    job(alice, 5, engine="other", started_at=at(30, month=10), finished_at=at(31, month=10))
    job(alice, 5, engine="other", status="running", finished_at=None)
    job(alice, 5, units=0, engine="other", status="cancelled", started_at=None)
    assert costs_of_work.costs_by_engine_and_kind(NOVEMBER) == [
        Cost("other", "image", 1, 3, Decimal(5), 0, Decimal("7.5"))
    ]


def test_an_unknown_cost_is_none_and_makes_the_margin_unknown(alice: Any, staff: Client) -> None:
    EngineCost.objects.create(engine="nano", job_kind="training", unit_cents=Decimal(100))
    invoice(alice, at(2), 1000)
    training(alice, 60)
    revenue, costs = (
        figures.revenue_by_day_and_plan(NOVEMBER),
        costs_of_work.costs_by_engine_and_kind(NOVEMBER),
    )
    assert (costs_of_work.total_cost(costs), costs_of_work.margin(revenue, costs)) == (
        Decimal(100),
        Decimal(900),
    )
    job(alice, 60)
    costs = costs_of_work.costs_by_engine_and_kind(NOVEMBER)
    assert [cost.cents for cost in costs] == [None, Decimal(100)]
    assert (costs_of_work.total_cost(costs), costs_of_work.margin(revenue, costs)) == (None, None)
    assert totals(staff)["Cost"] == totals(staff)["Margin"] == "not set"
    assert (
        "nano,image,1,1,60.000,0,not set"
        in staff.get(f"{PAGE}{DAYS}&format=csv&table=costs").content.decode()
    )


def test_a_cost_of_nothing_is_known(alice: Any) -> None:
    EngineCost.objects.create(engine="nano")
    job(alice, 60)
    costs = costs_of_work.costs_by_engine_and_kind(NOVEMBER)
    assert (costs[0].cents, costs_of_work.margin([], costs), costs_of_work.margin([], [])) == (0, 0, 0)


def test_churn_is_the_share_of_those_at_the_start_that_ended() -> None:
    before = at(5, month=10)
    subscription(before)
    subscription(before, status="past_due")
    subscription(before, at(9), status="canceled")
    subscription(before, at(2, month=12), status="canceled")
    subscription(before, at(31, month=10), status="canceled")  # ended before the period
    subscription(before, before, status="incomplete_expired")  # was never paid
    subscription(at(4))
    subscription(at(4), at(8), status="canceled")  # began in the period, so it is new and not churn
    subscription(at(4), status="incomplete")
    subscription(at(1, month=12))
    assert figures.churn(NOVEMBER) == Churn(live=4, ended=1, new=2, share=0.25)


def test_churn_of_nobody_is_not_a_number() -> None:
    assert figures.churn(NOVEMBER) == Churn(0, 0, 0, None)
