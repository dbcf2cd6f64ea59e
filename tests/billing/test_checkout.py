"""Buying plans and packs, from Checkout through to the ledger."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from billing import ledger
from billing.models import Invoice, Plan, Subscription
from billing.payments import checkout
from config.errors import Invalid, NotFound
from tests.billing.shop import Shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("adds_up")]


def test_a_plan_that_was_paid_is_there_with_its_credits(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    assert shop.wallet(buyer).plan_id == "creator"
    assert shop.credits(buyer) == (203, 0, 0)
    bill = Invoice.objects.get()
    assert (bill.total, bill.credits, bill.status) == (2000, 200, "paid")


def test_returning_from_checkout_applies_the_purchase_once_before_any_event(shop: Shop, buyer: Any) -> None:
    session = shop.session(buyer, plan="creator")
    assert not checkout.returned(buyer, session)
    shop.fake.pay(session)
    assert checkout.returned(buyer, session)
    assert checkout.returned(buyer, session)  # the user opens the address again
    shop.deliver()
    assert shop.credits(buyer) == (203, 0, 0)


def test_a_strangers_session_is_not_found(shop: Shop, buyer: Any, bob: Any) -> None:
    session = shop.session(buyer, plan="creator")
    shop.fake.pay(session)
    with pytest.raises(NotFound):
        checkout.returned(bob, session)
    with pytest.raises(NotFound):
        checkout.returned(buyer, "cs_test_nothing")


def test_a_declined_card_buys_nothing(shop: Shop, buyer: Any) -> None:
    shop.fake.pay(shop.session(buyer, plan="pro"), works=False)
    shop.deliver()
    assert (shop.wallet(buyer).plan_id, shop.credits(buyer)) == ("free", (3, 0, 0))


def test_credits_of_a_plan_end_with_their_month_and_those_of_a_pack_stay(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    shop.buy(buyer, "small")
    ledger.hold(shop.wallet(buyer), 10, cause="job:1")  # held from the plan's credits, which expire first
    ledger.settle("job:1", captured=10)
    assert shop.credits(buyer) == (243, 0, 0)
    shop.wait(31)
    assert shop.credits(buyer) == (3 + 50 + 200, 0, 0)
    assert ledger.expire() == 190


def test_a_hundred_percent_off_gives_the_plan_too(shop: Shop, buyer: Any) -> None:
    shop.fake.pay(shop.session(buyer, plan="pro"), free=True)
    shop.deliver()
    assert (shop.wallet(buyer).plan_id, shop.credits(buyer)[0]) == ("pro", 503)


def test_two_open_tabs_do_not_buy_two_plans(shop: Shop, buyer: Any) -> None:
    first = shop.session(buyer, plan="creator")
    second = shop.session(buyer, plan="creator")
    with pytest.raises(ValueError, match="expired"):
        shop.fake.pay(first)
    shop.fake.pay(second)
    shop.deliver()
    assert Subscription.objects.count() == 1


def test_a_plan_off_sale_cannot_be_bought(shop: Shop, buyer: Any) -> None:
    Plan.objects.filter(code="pro").update(on_sale=False)
    call_command("sync_stripe")
    with pytest.raises(Invalid):
        checkout.buy(buyer, plan="pro")


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"plan": "free"},
        {"plan": "creator", "pack": "small"},
        {"pack": "nothing"},
        {"plan": "creator", "interval": "week"},
    ],
)
def test_an_invalid_choice_cannot_be_bought(shop: Shop, buyer: Any, what: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        checkout.buy(buyer, **what)


def test_a_paid_session_without_its_event_sells_no_second_plan(shop: Shop, buyer: Any) -> None:
    shop.fake.pay(shop.session(buyer, plan="creator"))
    with pytest.raises(Invalid):
        checkout.buy(buyer, plan="creator")
    shop.deliver()
    assert Subscription.objects.count() == 1


def test_stripe_computes_the_tax_where_it_is_switched_on(shop: Shop, buyer: Any, settings: Any) -> None:
    settings.STRIPE_TAX = True
    shop.session(buyer, plan="creator")
    asked = next(
        form
        for method, path, form in reversed(shop.fake.calls)
        if (method, path) == ("POST", "/v1/checkout/sessions")
    )
    assert (
        asked["automatic_tax"]["enabled"],
        asked["tax_id_collection"]["enabled"],
        asked["customer_update"]["address"],
    ) == ("true", "true", "auto")


def test_an_invoice_without_a_payment_gets_the_payment_of_its_checkout(shop: Shop, buyer: Any) -> None:
    """Stripe's invoice names no payment intent here, so it is taken from the Checkout session."""
    session = shop.session(buyer, pack="small")
    shop.fake.pay(session)
    for found in shop.fake.objects.values():
        if found.get("object") == "invoice_payment":
            found["payment"] = {"type": "out_of_band_payment"}
    shop.deliver()
    checkout.returned(buyer, session)
    bill = Invoice.objects.get()
    shop.fake.refund(shop.charge(bill))
    shop.deliver()
    assert (bill.payment.startswith("pi_"), shop.credits(buyer)) == (True, (3, 0, 0))


def test_a_session_that_stripe_does_not_know_prevents_no_purchase(shop: Shop, buyer: Any) -> None:
    ledger.wallet_of(buyer)
    type(shop.wallet(buyer)).objects.update(checkout="cs_test_gone")
    assert shop.session(buyer, plan="creator")


def test_no_ledger_row_is_locked_during_a_request_to_stripe(shop: Shop, buyer: Any) -> None:
    """No transaction sends a request to Stripe after it has locked a row of the ledger."""

    locked: list[str] = []
    asked = shop.fake.answer

    def watched(method: str, path: str, *args: Any, **more: Any) -> Any:
        if any("billing_ledgeraccount" in sql and "FOR UPDATE" in sql for sql in seen):
            locked.append(path)
        return asked(method, path, *args, **more)

    seen: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            depth = len(connection.savepoint_ids)
            if sql.startswith("SAVEPOINT") and depth == base:
                seen.clear()
        else:
            seen.append(sql)
        return execute(sql, params, many, context)

    base = len(connection.savepoint_ids)
    shop.fake.answer = watched  # type: ignore[method-assign]
    with connection.execute_wrapper(note):
        for _tab in range(2):
            session = shop.session(buyer, plan="creator")
        shop.fake.pay(session)
        seen.clear()
        shop.deliver(
            lambda events: [e for e in events if e["type"] in ("checkout.session.completed", "invoice.paid")]
        )
    assert locked == []
