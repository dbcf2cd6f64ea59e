"""Years, upgrades, downgrades and the end of a plan."""

from __future__ import annotations

from typing import Any

import pytest

from billing import ledger
from billing.models import Invoice, StripePrice, Subscription, WebhookEvent
from billing.payments import checkout, gateway, invoices
from config.errors import Invalid
from tests.billing.shop import Shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("adds_up")]


def test_a_year_that_is_paid_at_once_gives_its_credits_month_by_month(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator", "year")
    given = [shop.credits(buyer)[0]]
    for _month in range(12):
        shop.wait(31)
        for _again in range(2):
            invoices.next_months()
        given.append(shop.credits(buyer)[0])
    assert given[:11] == [203] * 11
    assert Invoice.objects.order_by("created_at")[0].credits == 12 * 200
    assert Invoice.objects.count() == 2  # the next year


def test_an_upgrade_gives_the_difference_for_the_rest_of_the_month(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "creator")
    shop.wait(15)  # half of November
    shop.change(subscription, "pro")
    assert shop.wallet(buyer).plan_id == "pro"
    assert shop.credits(buyer) == (203 + 150, 0, 0)
    shop.wait(15.1)
    assert shop.credits(buyer) == (503, 0, 0)


def test_an_upgrade_within_a_year_raises_each_month_that_is_left(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "creator", "year")
    shop.wait(15)
    shop.change(subscription, "pro", "year")
    assert shop.credits(buyer) == (203 + 150, 0, 0)
    shop.wait(15.1)
    invoices.next_months()
    assert shop.credits(buyer) == (503, 0, 0)


def test_a_change_from_month_to_year_takes_back_the_unused_credits(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "creator")
    shop.wait(15)
    shop.change(subscription, "creator", "year")
    # The whole first month of the year, less the half of the old month that Stripe credited.
    assert shop.credits(buyer) == (203 + 100, 0, 0)
    shop.wait(30.1)
    invoices.next_months()
    assert shop.credits(buyer)[0] == 203


def test_a_downgrade_comes_with_the_next_payment(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "pro")
    shop.change(subscription, "creator")
    subscription.refresh_from_db()
    assert (shop.wallet(buyer).plan_id, subscription.next_plan_id) == ("pro", "creator")
    shop.wait(30.1)
    subscription.refresh_from_db()
    assert (shop.wallet(buyer).plan_id, subscription.next_plan_id, shop.credits(buyer)[0]) == (
        "creator",
        None,
        203,
    )


def test_a_subscriber_is_sent_to_the_portal_and_buys_no_second_plan(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    assert checkout.buy(buyer, plan="pro").startswith("https://billing.stripe.com/")
    flow = shop.fake.calls[-1][2]["flow_data"]
    assert flow["type"] == "subscription_update_confirm"
    with pytest.raises(Invalid):
        checkout.buy(buyer, plan="creator")


def test_a_cancelled_plan_stays_until_the_end_of_the_paid_period(
    shop: Shop, buyer: Any, mailoutbox: Any, django_capture_on_commit_callbacks: Any
) -> None:
    subscription = shop.subscribe(buyer, "creator")
    shop.fake.cancel_at_period_end(subscription.id)
    shop.deliver()
    subscription.refresh_from_db()
    assert subscription.ends_at == subscription.period_end
    assert shop.wallet(buyer).plan_id == "creator"
    with django_capture_on_commit_callbacks(execute=True):
        shop.wait(31)
    assert (shop.wallet(buyer).plan_id, shop.credits(buyer)) == ("free", (3, 0, 0))
    assert [mail.subject for mail in mailoutbox] == ["Your plan has ended"]


def test_a_change_to_a_cheaper_yearly_plan_takes_back_credits(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "enterprise")
    ledger.hold(shop.wallet(buyer), 4000, cause="job:1")
    ledger.settle("job:1", captured=4000)
    shop.change(subscription, "creator", "year")
    bill = Invoice.objects.latest("created_at", "id")
    assert (bill.credits, bill.changed, bill.kept_credits) == (0, 4800, -4800)
    assert shop.credits(buyer) == (0, 0, 4800 - 1003)


def test_a_line_that_credits_unused_time_sells_nothing_even_after_a_full_discount(
    shop: Shop, buyer: Any
) -> None:
    subscription = shop.subscribe(buyer, "creator")
    shop.wait(15)
    shop.fake.change(subscription.id, StripePrice.objects.get(plan="pro", interval="month").id)
    given_back = [
        line
        for o in shop.fake.objects.values()
        if o.get("object") == "invoice"
        for line in o["lines"]["data"]
        if line["amount"] < 0
    ]
    assert len(given_back) == 1
    given_back[0]["amount"] = 0
    shop.deliver()
    assert shop.credits(buyer) == (203 + 150, 0, 0)


def test_a_customer_deleted_at_stripe_has_no_plan_any_more_and_may_buy_again(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    gateway.call(lambda v1: v1.customers.delete(shop.wallet(buyer).stripe_customer))
    shop.deliver(lambda events: sorted(events, key=lambda e: e["type"] != "customer.deleted"))
    assert (shop.wallet(buyer).plan_id, Subscription.objects.get().status) == ("free", "canceled")
    assert not WebhookEvent.objects.filter(state="failed").exists()
    shop.subscribe(buyer, "pro")
    assert shop.wallet(buyer).plan_id == "pro"


def test_a_scheduled_change_must_be_cancelled_before_another(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "pro")
    shop.change(subscription, "creator")
    checkout.buy(buyer, plan="enterprise")
    assert "flow_data" not in shop.fake.calls[-1][2]
