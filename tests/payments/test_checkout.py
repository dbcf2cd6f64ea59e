"""Checkout of the fake Stripe: sessions, first payments, packs."""

from __future__ import annotations

import pytest
import stripe

from .account import DAY, START
from .contract import check_answer
from .shop import MONTH, Shop


def test_a_paid_subscription_is_active_for_a_month(shop: Shop) -> None:
    sub = shop.api.subscriptions.retrieve(shop.subscribe(), {"expand": ["latest_invoice.payments"]})
    item, invoice = sub["items"].data[0], sub.latest_invoice
    assert sub.status == "active"
    assert (item.current_period_start, item.current_period_end) == (START, START + MONTH)
    assert (invoice.status, invoice.billing_reason) == ("paid", "subscription_create")
    assert invoice.parent.subscription_details.subscription == sub.id
    line = invoice.lines.data[0]
    assert (line.pricing.price_details.price, line.period.end) == (shop.small, START + MONTH)
    assert line.parent.subscription_item_details.subscription_item == item.id


def test_a_paid_subscription_has_an_invoice_a_payment_and_a_charge(shop: Shop) -> None:
    sub = shop.api.subscriptions.retrieve(shop.subscribe(), {"expand": ["latest_invoice.payments"]})
    invoice = sub.latest_invoice
    intent = invoice.payments.data[0].payment.payment_intent
    charge = shop.api.charges.list({"payment_intent": intent}).data[0]
    of_intent = {"payment": {"type": "payment_intent", "payment_intent": intent}}
    assert shop.api.invoice_payments.list(of_intent).data[0].invoice == invoice.id
    assert (invoice.amount_paid, charge.amount, charge.customer) == (1900, 1900, shop.alice)


def test_a_first_payment_sends_its_events_in_order(shop: Shop) -> None:
    begin = len(shop.fake.events)
    shop.subscribe()
    assert shop.said(begin) == [
        "payment_intent.created",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "payment_intent.succeeded",
        "charge.succeeded",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]
    created = next(e for e in shop.fake.events if e["type"] == "customer.subscription.created")
    assert created["data"]["object"]["status"] == "incomplete"


def test_every_event_holds_an_object_of_stripes(shop: Shop) -> None:
    sub = shop.subscribe()
    shop.fake.change(sub, shop.large)
    shop.fake.change(sub, shop.small)
    shop.fake.advance(DAY * 62)
    shop.fake.cancel_at_period_end(sub)
    shop.fake.advance(DAY * 40)
    charge = shop.api.charges.list().data[0].id
    shop.fake.fail_refund(shop.fake.refund(charge)["id"])
    shop.fake.close_dispute(shop.fake.dispute(charge)["id"], True)
    shop.portal()
    shop.fake.unknown_event()
    shop.api.customers.delete(shop.alice)
    for event in shop.fake.events:
        check_answer(event)
    assert len(shop.api.events.list({"limit": 100}).data) == min(100, len(shop.fake.events))


def test_a_session_is_paid_once_and_expires(shop: Shop) -> None:
    made = shop.session(shop.small)
    shop.fake.pay(made.id, works=False)
    assert shop.api.checkout.sessions.retrieve(made.id).status == "open"
    assert shop.said()[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    shop.fake.pay(made.id)
    late = shop.session(shop.small)
    shop.fake.advance(DAY)
    assert shop.said()[-1] == "checkout.session.expired"
    for id in (made.id, late.id):
        with pytest.raises(ValueError, match="Checkout Session is"):
            shop.fake.pay(id)


def test_a_free_subscription_has_an_invoice_and_no_payment(shop: Shop) -> None:
    made = shop.session(shop.small, allow_promotion_codes=True)
    shop.fake.pay(made.id, free=True)
    done = shop.api.checkout.sessions.retrieve(made.id, {"expand": ["invoice.payments", "line_items"]})
    assert (done.payment_status, done.amount_total, done.invoice.status, done.invoice.total) == (
        "no_payment_required",
        0,
        "paid",
        0,
    )
    assert done.invoice.payments.data == []
    assert shop.api.charges.list({"customer": shop.alice}).data == []


def test_a_pack_with_an_invoice(shop: Shop) -> None:
    made = shop.session(
        shop.pack,
        "payment",
        invoice_creation={"enabled": True, "invoice_data": {"metadata": {"pack": "7"}}},
        payment_intent_data={"metadata": {"order": "9"}},
    )
    shop.fake.pay(made.id)
    done = shop.api.checkout.sessions.retrieve(
        made.id, {"expand": ["invoice", "payment_intent.latest_charge"]}
    )
    assert (
        done.invoice.billing_reason,
        done.invoice.status,
        done.invoice.parent,
        done.invoice.metadata["pack"],
    ) == ("manual", "paid", None, "7")
    assert done.invoice.lines.data[0].parent.type == "invoice_item_details"
    assert (done.payment_status, done.payment_intent.latest_charge.metadata["order"]) == ("paid", "9")


def test_a_session_must_fit_its_mode(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="recurring price"):
        shop.session(shop.small, "payment")
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent_data"):
        shop.session(shop.small, payment_intent_data={"description": "x"})
    with pytest.raises(NotImplementedError, match="trial_period_days"):
        shop.session(shop.small, subscription_data={"trial_period_days": 3})
