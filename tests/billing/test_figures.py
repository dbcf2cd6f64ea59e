"""The figures of money, exact, from rows that each test makes; the page and its CSV."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing import ledger
from billing.models import EngineCost, Invoice, Plan, Subscription, Transfer
from generation.models import Job
from support.insights import figures, plots
from support.insights.figures import Churn, Cost, Credits, Period, Revenue
from twins.models import Training, Twin

pytestmark = pytest.mark.django_db
PAGE = "/admin/billing/invoice/figures/"
NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 30))
DAYS = "?from=2026-11-01&to=2026-11-30"
numbers = count(1)
Kind = Transfer.Kind


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


@pytest.fixture(autouse=True)
def _plan(db: None) -> None:
    Plan.objects.get_or_create(code="pro", defaults={"name": "Pro", "order": 5})


def on(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """The ledger's clock; a transfer has its own, as its field took it when the class was made."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)
    monkeypatch.setattr(Transfer._meta.get_field("created_at"), "_get_default", lambda: moment)


@pytest.fixture
def staff(db: None) -> Client:
    return client_with("view_invoice")


def client_with(*rights: str) -> Client:
    from django.contrib.auth import get_user_model

    user = get_user_model().objects.create_user(
        f"staff{next(numbers)}@example.com", "a long password", is_staff=True
    )
    user.user_permissions.set(
        Permission.objects.filter(codename__in=rights, content_type__app_label="billing")
    )
    client = Client()
    client.force_login(user)
    return client


# ---------------------------------------------------------------- revenue


def test_revenue_is_what_was_paid_without_tax_and_what_went_back(alice: Any) -> None:
    invoice(alice, at(2), 2400, tax=400)
    invoice(alice, at(2, 23), 2000, refunded=500)
    invoice(alice, at(2), 1000, plan=None)
    invoice(alice, at(5), 1000, plan=None, disputed=1000)
    invoice(alice, at(6), 2400, tax=400, refunded=1200)  # half of it, tax and all
    invoice(alice, at(6), 0)
    assert figures.revenue_by_day_and_plan(NOVEMBER) == [
        Revenue(date(2026, 11, 2), "pro", 3500),
        Revenue(date(2026, 11, 2), "pack", 1000),
        Revenue(date(2026, 11, 5), "pack", 0),
        Revenue(date(2026, 11, 6), "pro", 1000),
    ]


def test_the_first_and_the_last_day_belong_to_a_period_whole_and_nothing_else(alice: Any) -> None:
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


# ---------------------------------------------------------------- credits


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
    assert ledger.expire() == 33  # of the 40, without the 7 that were used
    assert figures.credits_by_day(NOVEMBER) == [
        Credits(date(2026, 11, 1), sold=100, granted=5, used=0, expired=0, taken_back=0),
        Credits(date(2026, 11, 2), sold=0, granted=0, used=7, expired=0, taken_back=18),
        Credits(date(2026, 11, 21), sold=0, granted=0, used=0, expired=33, taken_back=0),
    ]


# ---------------------------------------------------------------- cost and margin


def test_a_cost_is_hours_and_units_and_the_kinds_own_line_comes_first(alice: Any, bob: Any) -> None:
    EngineCost.objects.create(engine="nano", hour_cents=Decimal(360), unit_cents=Decimal("0.5"))
    EngineCost.objects.create(
        engine="nano", job_kind="training", hour_cents=Decimal(7200), unit_cents=Decimal(3)
    )
    job(alice, 90.5, units=4, captured=4)
    job(bob, 9.5, units=2, captured=1, status="failed")
    training(alice, 1800, captured=10)
    assert figures.costs_by_engine_and_kind(NOVEMBER) == [
        Cost("nano", "image", 2, 6, Decimal(100), 5, Decimal(13)),  # 100 s at 360 an hour, 6 at 0.5
        Cost("nano", "training", 1, 1, Decimal(1800), 10, Decimal(3603)),
    ]


def test_each_engine_has_its_own_cost_and_other_days_none(alice: Any) -> None:
    EngineCost.objects.create(engine="fal", unit_cents=Decimal("2.500"))
    job(alice, 5, units=3, engine="fal")
    job(alice, 5, engine="fal", started_at=at(30, month=10), finished_at=at(31, month=10))
    job(alice, 5, engine="fal", status="running", finished_at=None)
    job(alice, 5, units=0, engine="fal", status="cancelled", started_at=None)
    assert figures.costs_by_engine_and_kind(NOVEMBER) == [
        Cost("fal", "image", 1, 3, Decimal(5), 0, Decimal("7.5"))
    ]


def test_an_unknown_cost_is_none_and_makes_the_margin_unknown(alice: Any, staff: Client) -> None:
    EngineCost.objects.create(engine="nano", job_kind="training", unit_cents=Decimal(100))
    invoice(alice, at(2), 1000)
    training(alice, 60)
    revenue, costs = figures.revenue_by_day_and_plan(NOVEMBER), figures.costs_by_engine_and_kind(NOVEMBER)
    assert (figures.total_cost(costs), figures.margin(revenue, costs)) == (Decimal(100), Decimal(900))
    job(alice, 60)
    costs = figures.costs_by_engine_and_kind(NOVEMBER)
    assert [cost.cents for cost in costs] == [None, Decimal(100)]
    assert (figures.total_cost(costs), figures.margin(revenue, costs)) == (None, None)
    assert totals(staff)["Cost"] == totals(staff)["Margin"] == "not set"
    assert (
        "nano,image,1,1,60.000,0,not set"
        in staff.get(f"{PAGE}{DAYS}&format=csv&table=costs").content.decode()
    )


def test_a_cost_of_nothing_is_known(alice: Any) -> None:
    EngineCost.objects.create(engine="nano")
    job(alice, 60)
    costs = figures.costs_by_engine_and_kind(NOVEMBER)
    assert (costs[0].cents, figures.margin([], costs), figures.margin([], [])) == (0, 0, 0)


# ---------------------------------------------------------------- churn


def test_churn_is_the_share_of_those_at_the_start_that_ended() -> None:
    before = at(5, month=10)
    subscription(before)
    subscription(before, status="past_due")
    subscription(before, at(9), status="canceled")
    subscription(before, at(2, month=12), status="canceled")
    subscription(before, at(31, month=10), status="canceled")  # before it
    subscription(before, before, status="incomplete_expired")  # never was one
    subscription(at(4))
    subscription(at(4), at(8), status="canceled")  # came and went: not of those at the start
    subscription(at(4), status="incomplete")
    subscription(at(1, month=12))
    assert figures.churn(NOVEMBER) == Churn(live=4, ended=1, new=2, share=0.25)


def test_churn_of_nobody_is_not_a_number() -> None:
    assert figures.churn(NOVEMBER) == Churn(0, 0, 0, None)


# ---------------------------------------------------------------- the page


def totals(client: Client, query: str = DAYS) -> dict[str, str]:
    text = client.get(PAGE + query).content.decode()
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text))


def test_the_page_adds_it_all_up(alice: Any, staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    EngineCost.objects.create(engine="nano", hour_cents=Decimal(3600))
    on(monkeypatch, at(3))
    invoice(alice, at(2), 2400, tax=400)
    invoice(alice, at(4), 1050, plan=None)
    job(alice, 100.6)
    ledger.grant(ledger.wallet_of(alice), 1200, cause="invoice:1", kind=Kind.PLAN)
    subscription(at(1, month=10), at(7), status="canceled")
    subscription(at(1, month=10))
    subscription(at(1, month=10))
    assert totals(staff) == {
        "Revenue": "$30.50",
        "Cost": "$1.01",
        "Margin": "$29.49",
        "Credits sold": "1,200",
        "Credits used": "0",
        "Credits expired": "0",
        "Churn": "33.3 %",
    }
    text = staff.get(PAGE + DAYS).content.decode()
    assert "<title>2026-11-02, Pro: $20</title>" in text
    assert '<th scope="row">2026-11-04</th><td>$0</td><td>$10.50</td><td>$10.50</td>' in text


def test_the_page_keeps_the_content_policy_and_can_be_heard(alice: Any, staff: Client) -> None:
    invoice(alice, at(2), 1000)
    text = staff.get(PAGE + DAYS).content.decode()
    main = text[text.index('id="content-main"') : text.index('<footer id="footer"')]
    assert not re.findall(r"<script|<style|\sstyle=|\son\w+=", main)
    assert main.count('role="img"') == main.count("<desc ") == 2
    for ident in re.findall(r'aria-labelledby="([^"]+)"', main):
        assert all(main.count(f'id="{each}"') == 1 for each in ident.split())
    assert main.count("<table>") == main.count("<caption>") == 4


def test_an_empty_database_has_its_page(staff: Client) -> None:
    assert totals(staff) == {
        "Revenue": "$0",
        "Cost": "$0",
        "Margin": "$0",
        "Credits sold": "0",
        "Credits used": "0",
        "Credits expired": "0",
        "Churn": "–",
    }
    assert totals(staff, "?from=2026-11-01&to=2026-11-01")["Revenue"] == "$0"
    for table in ("revenue", "credits", "costs"):
        assert len(staff.get(f"{PAGE}{DAYS}&format=csv&table={table}").content.splitlines()) == 1


def test_more_rows_ask_no_more_queries(alice: Any, bob: Any, staff: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert staff.get(PAGE + DAYS).status_code == 200
        return len(asked)

    def rows(engine: str) -> None:
        for user in (alice, bob):
            invoice(user, at(next(numbers) % 28 + 1), 1000)
            invoice(user, at(next(numbers) % 28 + 1), 1000, plan=None)
            job(user, 5, engine=engine)
            training(user, 5, engine=engine)
            subscription(at(2))

    rows("nano")
    staff.get(PAGE + DAYS)
    few = queries()
    for engine in ("a", "b", "c", "d"):
        EngineCost.objects.create(engine=engine)
        rows(engine)
    assert queries() == few


def test_only_staff_with_the_right_see_it(alice: Any, staff: Client) -> None:
    assert staff.get(PAGE).status_code == 200
    assert client_with("view_transfer").get(PAGE).status_code == 403
    assert client_with("view_transfer").get(f"{PAGE}?format=csv&table=revenue").status_code == 403
    anonymous, ordinary = Client(), Client()
    answer = anonymous.get(PAGE)
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next={PAGE}")
    ordinary.force_login(alice)
    assert ordinary.get(PAGE, follow=True).status_code == 403
    assert staff.post(PAGE).status_code == 405


@pytest.mark.parametrize(
    "query",
    [
        "from=x&to=y",
        "from=2026-02-31&to=2026-03-01",
        "from=2026-11-30&to=2026-11-01",
        "from=2025-11-01&to=2026-11-02",
        "from=0001-01-01",
        "to=0001-01-01",
        "to=9999-12-31",
        "from=2026-11-01%00&to=2026-11-30",
    ],
)
def test_dates_that_cannot_be_become_the_last_thirty_days(staff: Client, query: str) -> None:
    answer = staff.get(f"{PAGE}?{query}")
    today = datetime.now(UTC).date()
    assert answer.context["period"] == Period(today - timedelta(29), today)
    assert "These dates cannot be shown" in answer.content.decode()
    assert staff.get(f"{PAGE}?{query}&format=csv&table=revenue").status_code == 200


@pytest.mark.parametrize(
    "days",
    ["from=0001-01-01&to=0001-01-02", "from=9999-12-30&to=9999-12-31", "from=2026-01-01&to=2027-01-01"],
)
def test_the_ends_of_time_and_a_year_are_shown(staff: Client, days: str) -> None:
    answer = staff.get(f"{PAGE}?{days}")
    assert (answer.status_code, "cannot be shown" in answer.content.decode()) == (200, False)


# ---------------------------------------------------------------- CSV


def test_csv_has_the_numbers_and_a_name(alice: Any, staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, at(2))
    EngineCost.objects.create(engine="nano", hour_cents=Decimal(1))
    invoice(alice, at(2), 2000, refunded=500)
    job(alice, 1200, captured=3)
    subscription(at(1, month=10), at(7), status="canceled")
    ledger.grant(ledger.wallet_of(alice), 8, cause="invoice:1", kind=Kind.PLAN)
    said = {
        "revenue": b"day,plan,cents\r\n2026-11-02,pro,1500\r\n",
        "credits": b"day,sold,granted,used,expired,taken_back\r\n2026-11-02,8,3,0,0,0\r\n",
        "costs": b"engine,kind,runs,units,seconds,credits,cents\r\nnano,image,1,1,1200.000,3,0.333\r\n",
        "churn": b"live,ended,new,share\r\n1,1,0,1.0\r\n",
    }
    for table, text in said.items():
        answer = staff.get(f"{PAGE}{DAYS}&format=csv&table={table}")
        assert answer.content == text
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        name = f"photoflux-{table}-2026-11-01-2026-11-30.csv"
        assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert staff.get(f"{PAGE}{DAYS}&format=csv&table=users").status_code == 404


def test_what_staff_typed_is_no_formula(alice: Any, staff: Client) -> None:
    Plan.objects.create(code="=1+1", name="<b>Sums</b>", order=6)
    invoice(alice, at(2), 300, plan="=1+1", refunded=100)
    assert b"2026-11-02,'=1+1,200\r\n" in staff.get(f"{PAGE}{DAYS}&format=csv&table=revenue").content
    text = staff.get(PAGE + DAYS).content.decode()
    assert "<b>Sums" not in text
    assert "2026-11-02, &lt;b&gt;Sums&lt;/b&gt;: $2" in text


# ---------------------------------------------------------------- plots


@pytest.mark.parametrize(
    "low, high, expected",
    [
        (0, 0, [0]),
        (0, 1, [0, 1]),
        (0, 3, [0, 1, 2, 3]),
        (0, 7, [0, 5, 10]),
        (0, 2000, [0, 1000, 2000]),
        (0, 2345, [0, 1000, 2000, 3000]),
        (-3, 10, [-5, 0, 5, 10]),
        (-40, 0, [-40, -20, 0]),
        (0, 10**12, [0, 5 * 10**11, 10**12]),
    ],
)
def test_ticks_are_few_and_round(low: int, high: int, expected: list[int]) -> None:
    assert plots.ticks(low, high) == expected


def test_bars_lie_upon_each_other_and_hang_below_zero() -> None:
    series = [plots.Series("a", [10, 0]), plots.Series("b", [20, -10])]
    svg = plots.stacked_bars(plots.Plot("p", "T", "D", [date(2026, 11, 1), date(2026, 11, 2)], series))
    bars = re.findall(r'class="series-(\d)" x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', svg)
    assert plots.ticks(-10, 30) == [-20, 0, 20, 40]  # 220 px high in all: 60 credits
    px = 220 / 60
    zero = 10 + 40 * px
    assert [(n, float(y), float(h)) for n, y, h in bars] == [
        ("0", pytest.approx(zero - 10 * px, abs=0.1), pytest.approx(10 * px, abs=0.1)),
        ("1", pytest.approx(zero - 30 * px, abs=0.1), pytest.approx(20 * px, abs=0.1)),
        ("1", pytest.approx(zero, abs=0.1), pytest.approx(10 * px, abs=0.1)),
    ]


@pytest.mark.parametrize("draw", [plots.stacked_bars, plots.lines])
@pytest.mark.parametrize("days", [1, 30, 366])
def test_nothing_but_zeros_is_drawn_too(draw: Any, days: int) -> None:
    dates = [date(2026, 1, 1) + timedelta(n) for n in range(days)]
    for series in ([], [plots.Series("a", [0] * days)]):
        svg = draw(plots.Plot("p", "T", "D", dates, series))
        assert "<rect" not in svg
        assert "nan" not in svg
        assert 1 <= len(re.findall(r">2026-\d\d-\d\d</text>|>2027-\d\d-\d\d</text>", svg)) <= 8


def test_a_line_of_one_day_is_a_point() -> None:
    svg = plots.lines(plots.Plot("p", "T", "D", [date(2026, 11, 1)], [plots.Series("a", [4])]))
    assert (
        '<circle class="series-0" cx="520.0" cy="10.0" r="3"><title>2026-11-01, a: 4</title></circle>' in svg
    )


# ---------------------------------------------------------------- the lists


def test_invoices_are_looked_at_and_lead_to_the_figures(alice: Any, staff: Client) -> None:
    row = invoice(alice, at(2), 1000, number="PF-7")
    text = staff.get("/admin/billing/invoice/?q=PF-7").content.decode()
    assert f'href="{PAGE}"' in text
    assert row.id in text
    assert staff.post(f"/admin/billing/invoice/{row.id}/change/", {"total": 1}).status_code == 403


def test_operators_write_costs_in_the_list() -> None:
    staff = client_with("view_enginecost", "change_enginecost", "add_enginecost")
    staff.post(
        "/admin/billing/enginecost/add/",
        {"engine": "nano", "job_kind": "", "hour_cents": "1", "unit_cents": "0"},
    )
    row = EngineCost.objects.get()
    form = {
        "form-TOTAL_FORMS": 1,
        "form-INITIAL_FORMS": 1,
        "form-0-id": row.id,
        "form-0-hour_cents": "12.5",
        "form-0-unit_cents": "0.125",
        "_save": "Save",
    }
    staff.post("/admin/billing/enginecost/", form)
    row.refresh_from_db()
    assert (row.hour_cents, row.unit_cents) == (Decimal("12.5"), Decimal("0.125"))
