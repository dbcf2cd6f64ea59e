"""What staff do in the admin: costs, refunds, corrections, failed events."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import ledger
from billing.engines.models import EngineCost
from billing.models import WebhookEvent
from tests.billing.shop import Shop
from tests.staff import client_with

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("adds_up")]


def test_operators_edit_costs_in_the_list() -> None:
    staff = client_with("view_enginecost", "change_enginecost", "add_enginecost")
    staff.post(
        "/admin/billing/enginecost/add/",
        {"engine": "nano", "job_kind": "", "hour_cents": "1", "unit_cents": "0"},
    )
    row = EngineCost.objects.get(engine="nano")
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


def test_staff_pay_back_once(shop: Shop, buyer: Any, admin_client: Any) -> None:
    bill = shop.buy(buyer)
    for _again in range(2):
        answer = admin_client.post(
            "/admin/billing/invoice/", {"action": "refund", "_selected_action": [bill.id]}, follow=True
        )
    assert "went back already" in answer.content.decode()
    bill.refresh_from_db()
    assert (bill.refunded, bill.taken, shop.credits(buyer)) == (600, 50, (3, 0, 0))


def test_staff_take_no_more_credits_than_are_available(alice: Any, admin_client: Any) -> None:
    wallet = ledger.wallet_of(alice)
    form = {
        "action": "correct",
        "_selected_action": [str(wallet.id)],
        "amount": "2",
        "reason": "given twice",
        "key": "k",
    }
    for _again in range(2):
        admin_client.post("/admin/billing/wallet/", form)
    assert ledger.balance(wallet).available == 1
    answer = admin_client.post("/admin/billing/wallet/", form | {"key": "l"}, follow=True)
    assert "you have 1" in answer.content.decode()
    assert ledger.balance(wallet).available == 1


def test_staff_see_a_failed_event_and_try_it_again(shop: Shop, buyer: Any, admin_client: Any) -> None:
    shop.fake.pay(shop.session(buyer, pack="small"))
    shop.fake.down = True
    shop.deliver()
    shop.fake.down = False
    failed = list(WebhookEvent.objects.filter(state="failed").values_list("id", flat=True))
    assert (
        "Unavailable" in admin_client.get("/admin/billing/webhookevent/?state__exact=failed").content.decode()
    )
    admin_client.post("/admin/billing/webhookevent/", {"action": "retry", "_selected_action": failed})
    assert not WebhookEvent.objects.filter(state="failed").exists()
    assert shop.credits(buyer) == (53, 0, 0)
