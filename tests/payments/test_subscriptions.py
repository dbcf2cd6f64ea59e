"""Subscriptions of the fake Stripe: changes, renewals, failures, ends."""

from __future__ import annotations

import time

import pytest
import stripe

from .account import DAY, START
from .changes import rounded
from .shop import MONTH, Shop


def test_an_upgrade_is_prorated_by_the_second_and_paid_at_once(shop: Shop) -> None:
    sub = shop.subscribe()
    shop.fake.advance(10 * DAY + 12345)
    shop.fake.change(sub, shop.large)
    invoice, left = shop.latest(sub), MONTH - 10 * DAY - 12345
    unused, new = invoice.lines.data
    assert (unused.amount, new.amount) == (-round(1900 * left / MONTH), round(4900 * left / MONTH))
    assert (invoice.billing_reason, invoice.status, invoice.total) == (
        "subscription_update",
        "paid",
        unused.amount + new.amount,
    )
    assert all(line.parent.subscription_item_details.proration for line in (unused, new))
    assert (new.period.start, new.period.end) == (shop.fake.now, START + MONTH)
    assert shop.api.subscriptions.retrieve(sub)["items"].data[0].price.id == shop.large
    assert rounded(5, 1, 2) == 3  # halves up


def test_month_to_year_begins_a_new_period(shop: Shop) -> None:
    sub = shop.subscribe()
    shop.fake.advance(MONTH // 2)
    shop.fake.change(sub, shop.year)
    invoice = shop.latest(sub)
    assert [line.amount for line in invoice.lines.data] == [-950, 19000]
    assert [line.parent.subscription_item_details.proration for line in invoice.lines.data] == [True, False]
    found = shop.api.subscriptions.retrieve(sub)
    assert (found.billing_cycle_anchor, found["items"].data[0].current_period_end) == (
        shop.fake.now,
        shop.fake.now + 365 * DAY,
    )


def test_a_declined_upgrade_changes_nothing(shop: Shop) -> None:
    sub = shop.subscribe()
    shop.fake.fail_next(shop.alice)
    shop.fake.change(sub, shop.large)
    assert shop.api.subscriptions.retrieve(sub)["items"].data[0].price.id == shop.small
    assert shop.latest(sub).billing_reason == "subscription_create"


def test_a_downgrade_waits_for_the_renewal(shop: Shop) -> None:
    sub = shop.subscribe(shop.large)
    shop.fake.change(sub, shop.small)
    planned = shop.api.subscriptions.retrieve(sub, {"expand": ["schedule"]})
    assert planned["items"].data[0].price.id == shop.large
    assert planned.schedule.phases[1]["items"][0].price == shop.small
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        shop.api.subscriptions.update(sub, {"cancel_at_period_end": True})
    shop.fake.advance(MONTH + 2 * 3600)
    assert (shop.latest(sub).amount_paid, shop.api.subscriptions.retrieve(sub)["items"].data[0].price.id) == (
        1900,
        shop.small,
    )
    shop.fake.advance(32 * DAY)
    assert (
        shop.api.subscriptions.retrieve(sub).schedule,
        shop.said().count("subscription_schedule.released"),
    ) == (None, 1)


def test_a_renewal_is_a_draft_for_an_hour_and_the_day_is_clamped(shop: Shop) -> None:
    shop.fake.advance(30 * DAY + 60 * DAY)  # 30 January
    sub = shop.subscribe()
    item = shop.api.subscriptions.retrieve(sub)["items"].data[0]
    assert time.gmtime(item.current_period_end)[:3] == (2027, 2, 28)
    shop.fake.advance(until=item.current_period_end)
    assert (shop.latest(sub).status, shop.latest(sub).billing_reason) == ("draft", "subscription_cycle")
    shop.fake.advance(3600)
    assert (shop.latest(sub).status, shop.latest(sub).lines.data[0].period.start) == (
        "paid",
        item.current_period_end,
    )
    assert time.gmtime(shop.api.subscriptions.retrieve(sub)["items"].data[0].current_period_end)[:3] == (
        2027,
        3,
        30,
    )


def test_a_failed_renewal_is_tried_again_and_may_succeed(shop: Shop) -> None:
    sub = shop.subscribe()
    shop.fake.fail_next(shop.alice, 2)
    shop.fake.advance(MONTH + 3600)
    open_ = shop.latest(sub)
    assert (open_.status, open_.attempt_count, open_.next_payment_attempt) == (
        "open",
        1,
        shop.fake.now + 3 * DAY,
    )
    assert shop.api.subscriptions.retrieve(sub).status == "past_due"
    shop.fake.advance(3 * DAY)
    assert (shop.latest(sub).attempt_count, shop.latest(sub).next_payment_attempt) == (
        2,
        shop.fake.now + 2 * DAY,
    )
    shop.fake.advance(2 * DAY)
    assert (shop.latest(sub).status, shop.api.subscriptions.retrieve(sub).status) == ("paid", "active")
    assert (
        len(
            shop.api.charges.list(
                {"payment_intent": shop.latest(sub).payments.data[0].payment.payment_intent}
            ).data
        )
        == 3
    )


def test_after_the_last_try_the_subscription_ends(shop: Shop) -> None:
    sub = shop.subscribe()
    shop.fake.fail_next(shop.alice, 9)
    shop.fake.advance(MONTH + 8 * DAY)
    found = shop.api.subscriptions.retrieve(sub)
    assert (found.status, found.cancellation_details.reason, shop.latest(sub).attempt_count) == (
        "canceled",
        "payment_failed",
        4,
    )
    assert shop.latest(sub).status == "open"
    assert shop.said().count("invoice.payment_failed") == 4


def test_the_portal_cancels_by_date_and_the_api_by_flag(shop: Shop) -> None:
    sub = shop.subscribe()
    shop.fake.cancel_at_period_end(sub)
    found = shop.api.subscriptions.retrieve(sub)
    assert (found.cancel_at, found.cancel_at_period_end) == (START + MONTH, False)
    shop.fake.cancel_at_period_end(sub, False)
    assert shop.api.subscriptions.retrieve(sub).cancel_at is None
    shop.api.subscriptions.update(sub, {"cancel_at_period_end": True})
    shop.fake.advance(MONTH)
    found = shop.api.subscriptions.retrieve(sub)
    assert (found.status, found.ended_at, shop.said()[-1]) == (
        "canceled",
        START + MONTH,
        "customer.subscription.deleted",
    )
    assert shop.api.subscriptions.list({"customer": shop.alice}).data == []
    assert len(shop.api.subscriptions.list({"customer": shop.alice, "status": "all"}).data) == 1


def test_a_deleted_customer_ends_its_subscriptions(shop: Shop) -> None:
    sub = shop.subscribe()
    assert shop.api.customers.delete(shop.alice).deleted
    assert shop.api.customers.retrieve(shop.alice).deleted
    assert shop.api.subscriptions.retrieve(sub).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        shop.session(shop.small)


def test_an_api_update_prorates_as_asked(shop: Shop) -> None:
    sub = shop.subscribe(shop.large)
    shop.fake.advance(MONTH // 2)
    item = shop.api.subscriptions.retrieve(sub)["items"].data[0].id
    shop.api.subscriptions.update(
        sub, {"items": [{"id": item, "price": shop.small}], "proration_behavior": "always_invoice"}
    )
    assert (shop.latest(sub).total, shop.latest(sub).amount_due, shop.latest(sub).ending_balance) == (
        -1500,
        0,
        -1500,
    )
    shop.fake.advance(MONTH // 2 + 3600)
    assert (shop.latest(sub).total, shop.latest(sub).amount_paid) == (1900, 400)
