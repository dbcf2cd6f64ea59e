"""After a failed payment the plan stays for seven days."""

from __future__ import annotations

from typing import Any

import pytest

from billing.models import Subscription
from billing.payments import checkout, sync
from tests.billing.shop import Shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("adds_up")]


def test_a_failed_payment_leaves_seven_days_with_an_email_each_time(
    shop: Shop, buyer: Any, mailoutbox: Any, django_capture_on_commit_callbacks: Any
) -> None:
    subscription = shop.subscribe(buyer, "creator")
    shop.fake.fail_next(shop.wallet(buyer).stripe_customer, times=9)
    shop.fake.after_retries = "past_due"  # with this setting Stripe never ends the subscription
    with django_capture_on_commit_callbacks(execute=True):
        for _week in range(7):
            shop.wait(6)
            sync.lapse()
    subscription.refresh_from_db()
    assert subscription.status == "canceled"
    assert shop.wallet(buyer).plan_id == "free"
    subjects = [mail.subject for mail in mailoutbox]
    assert subjects.count("Your plan has ended") == 1
    assert subjects.count("A payment did not work") >= 2


def test_the_plan_stays_during_the_grace_and_after_a_later_payment(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "creator")
    shop.fake.fail_next(shop.wallet(buyer).stripe_customer)
    shop.wait(30.2)
    subscription.refresh_from_db()
    assert (subscription.status, shop.wallet(buyer).plan_id, shop.credits(buyer)[0]) == (
        "past_due",
        "creator",
        3,
    )
    assert sync.lapse() == 0
    with pytest.raises(checkout.PaymentOverdue):
        checkout.buy(buyer, plan="pro")
    shop.wait(4)
    subscription.refresh_from_db()
    assert (subscription.status, shop.credits(buyer)[0]) == ("active", 203)


def test_after_the_grace_the_plan_is_free_even_while_stripe_does_not_answer(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    shop.fake.fail_next(shop.wallet(buyer).stripe_customer, times=9)
    shop.fake.retry_days = (20,)
    shop.wait(30.2)
    shop.wait(7)
    shop.fake.down = True
    assert sync.lapse() == 0
    assert shop.wallet(buyer).plan_id == "free"
    shop.fake.down = False
    assert sync.lapse() == 1
    assert Subscription.objects.get().status == "canceled"
    assert sync.lapse() == 0


def test_a_subscription_that_cannot_be_ended_does_not_hold_up_the_others(
    shop: Shop, buyer: Any, bob: Any
) -> None:
    both = [shop.subscribe(user, "creator") for user in (buyer, bob)]
    shop.fake.after_retries = "past_due"
    for user in (buyer, bob):
        shop.fake.fail_next(shop.wallet(user).stripe_customer, times=9)
    shop.wait(38)
    shop.fake.cancel_now(both[0].id)  # its event is lost
    sync.lapse()
    assert [shop.wallet(user).plan_id for user in (buyer, bob)] == ["free", "free"]
    assert set(Subscription.objects.values_list("status", flat=True)) == {"canceled"}
