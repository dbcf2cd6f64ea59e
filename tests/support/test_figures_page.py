"""The page of the figures and its CSV: permissions, dates and number formats."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing import ledger
from billing.engines import alarms
from billing.engines.models import EngineCost, RemoteRequest
from billing.models import Plan, Transfer
from config.runs import circuit
from ml.remote.keys import name_of
from ml.remote.settings import Remote
from support.insights.figures import Period
from tests.staff import client_with
from tests.support.rows import DAYS, PAGE, at, invoice, job, numbers, on, subscription, totals, training

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pro_plan")]
Kind = Transfer.Kind


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


def test_the_page_keeps_the_content_policy_and_is_accessible(alice: Any, staff: Client) -> None:
    invoice(alice, at(2), 1000)
    text = staff.get(PAGE + DAYS).content.decode()
    main = text[text.index('id="content-main"') : text.index('<footer id="footer"')]
    assert not re.findall(r"<script|<style|\sstyle=|\son\w+=", main)
    assert main.count('role="img"') == main.count("<desc ") == 2
    for ident in re.findall(r'aria-labelledby="([^"]+)"', main):
        assert all(main.count(f'id="{each}"') == 1 for each in ident.split())
    assert main.count("<table>") == main.count("<caption>") == 14


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
    for table in ("revenue", "credits", "costs", "margins"):
        assert len(staff.get(f"{PAGE}{DAYS}&format=csv&table={table}").content.splitlines()) == 1


def test_more_rows_need_no_more_queries(alice: Any, bob: Any, staff: Client) -> None:
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
def test_invalid_dates_become_the_last_thirty_days(staff: Client, query: str) -> None:
    answer = staff.get(f"{PAGE}?{query}")
    today = datetime.now(UTC).date()
    assert answer.context["period"] == Period(today - timedelta(29), today)
    assert "These dates cannot be shown" in answer.content.decode()
    assert staff.get(f"{PAGE}?{query}&format=csv&table=revenue").status_code == 200


@pytest.mark.parametrize(
    "days",
    ["from=0001-01-01&to=0001-01-02", "from=9999-12-30&to=9999-12-31", "from=2026-01-01&to=2027-01-01"],
)
def test_extreme_dates_and_a_whole_year_are_shown(staff: Client, days: str) -> None:
    answer = staff.get(f"{PAGE}?{days}")
    assert (answer.status_code, "cannot be shown" in answer.content.decode()) == (200, False)


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


def test_text_typed_by_staff_is_escaped_in_csv_and_html(alice: Any, staff: Client) -> None:
    Plan.objects.create(code="=1+1", name="<b>Sums</b>", order=6)
    invoice(alice, at(2), 300, plan="=1+1", refunded=100)
    assert b"2026-11-02,'=1+1,200\r\n" in staff.get(f"{PAGE}{DAYS}&format=csv&table=revenue").content
    text = staff.get(PAGE + DAYS).content.decode()
    assert "<b>Sums" not in text
    assert "2026-11-02, &lt;b&gt;Sums&lt;/b&gt;: $2" in text


def test_invoices_are_looked_at_and_lead_to_the_figures(alice: Any, staff: Client) -> None:
    row = invoice(alice, at(2), 1000, number="PF-7")
    text = staff.get("/admin/billing/invoice/?q=PF-7").content.decode()
    assert f'href="{PAGE}"' in text
    assert row.id in text
    assert staff.post(f"/admin/billing/invoice/{row.id}/change/", {"total": 1}).status_code == 403


def test_a_refused_key_and_a_company_that_does_not_answer_are_seen(staff: Client, settings: Any) -> None:
    settings.REMOTES = {"fal": Remote("fal", ("id:first", "id:second"))}
    name = name_of("id:first")
    alarms.key_refused("fal", name, "401")
    for _ in range(circuit.FAILURES):
        circuit.Circuit().failed("fal")
    RemoteRequest.objects.create(
        service="fal", model="m", run_kind="image", run_id=uuid.uuid4(), work="picture-1"
    )
    text = staff.get(PAGE).content.decode()
    circuit.Circuit().worked("fal")
    circuit.client().delete(f"told:fal:{name}")
    assert f"Key <code>{name}</code> was refused within the last day: 401" in text
    assert f"Key <code>{name_of('id:second')}</code>: nothing was refused" in text
    assert "It does not answer. New work waits" in text
    assert "1 request is open there" in text
    assert "id:first" not in text


def test_the_margin_of_an_engine_is_what_its_credits_are_worth_less_its_cost(
    alice: Any, staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    EngineCost.objects.create(engine="nano", hour_cents=Decimal(3600))
    on(monkeypatch, at(3))
    invoice(alice, at(2), 2000)
    ledger.grant(ledger.wallet_of(alice), 1000, cause="invoice:1", kind=Kind.PLAN)
    job(alice, 100)
    text = staff.get(PAGE + DAYS).content.decode()
    assert '<th scope="row">Built-in preview</th><td>0</td><td>$0</td><td>$1</td><td>−$1</td>' in text
