"""Refunds and disputes take credits back; failed refunds and won disputes return them."""

from __future__ import annotations

from typing import Any

import pytest

from billing import ledger
from billing.models import Invoice
from billing.payments import checkout, gateway
from tests.billing.shop import Shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("adds_up")]


def test_a_refund_takes_back_credits_and_spent_ones_become_a_debt(shop: Shop, buyer: Any) -> None:
    bill = shop.buy(buyer, "small")
    ledger.hold(shop.wallet(buyer), 40, cause="job:1")
    ledger.settle("job:1", captured=40)
    shop.fake.refund(shop.charge(bill))
    shop.deliver()
    assert shop.credits(buyer) == (0, 0, 37)
    with pytest.raises(ledger.PaymentDue):
        ledger.hold(shop.wallet(buyer), 0, cause="job:2")
    shop.buy(buyer, "small")
    assert shop.credits(buyer) == (13, 0, 0)


def test_a_refund_of_half_the_money_takes_half_the_credits(shop: Shop, buyer: Any) -> None:
    bill = shop.buy(buyer, "small")
    shop.fake.refund(shop.charge(bill), 150)
    shop.deliver()
    assert shop.credits(buyer)[0] == 3 + 50 - 12
    shop.fake.refund(shop.charge(bill), 450)
    shop.deliver()
    assert shop.credits(buyer)[0] == 3


def test_held_credits_are_taken_back_when_they_are_released(shop: Shop, buyer: Any) -> None:
    bill = shop.buy(buyer, "small")
    ledger.hold(shop.wallet(buyer), 53, cause="job:1")
    shop.fake.refund(shop.charge(bill))
    shop.deliver()
    assert shop.credits(buyer) == (0, 53, 50)
    ledger.settle("job:1", captured=2)
    assert shop.credits(buyer) == (1, 0, 0)


def test_a_failed_refund_returns_the_credits(shop: Shop, buyer: Any) -> None:
    bill = shop.buy(buyer, "small")
    refund = shop.fake.refund(shop.charge(bill))
    shop.deliver()
    shop.fake.fail_refund(refund["id"])
    shop.deliver()
    assert shop.credits(buyer) == (53, 0, 0)


@pytest.mark.parametrize("won, left", [(True, 53), (False, 3)])
def test_a_dispute_takes_the_credits_until_it_is_won(shop: Shop, buyer: Any, won: bool, left: int) -> None:
    bill = shop.buy(buyer, "small")
    dispute = shop.fake.dispute(shop.charge(bill))
    shop.deliver()
    assert shop.credits(buyer) == (3, 0, 0)
    shop.fake.close_dispute(dispute["id"], won=won)
    shop.deliver()
    assert shop.credits(buyer) == (left, 0, 0)


@pytest.mark.parametrize("in_time", [True, False])
def test_credits_that_come_back_after_their_month_expire(shop: Shop, buyer: Any, in_time: bool) -> None:
    """Also when the dispute's event arrives late, expired credits are not taken a second time."""
    shop.subscribe(buyer, "creator")
    dispute = shop.fake.dispute(shop.charge(Invoice.objects.get()))
    if in_time:
        shop.deliver()
        assert shop.credits(buyer) == (3, 0, 0)
    shop.wait(31)
    assert shop.credits(buyer) == (203, 0, 0)
    shop.fake.close_dispute(dispute["id"], won=True)
    shop.deliver()
    assert shop.credits(buyer) == (203, 0, 0)  # the credits of the new month only, and 3 free ones


def test_a_refund_after_the_account_is_gone_still_adds_up(shop: Shop, buyer: Any) -> None:
    bill = shop.buy(buyer, "small")
    charge = shop.charge(bill)
    buyer.delete()
    shop.fake.refund(charge)
    shop.deliver()
    bill.refresh_from_db()
    assert (bill.refunded, bill.taken) == (600, 50)


def test_a_dispute_won_late_returns_what_a_pack_repaid(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    ledger.hold(shop.wallet(buyer), 203, cause="job:1")
    ledger.settle("job:1", captured=203)
    dispute = shop.fake.dispute(shop.charge(Invoice.objects.get()))
    shop.deliver()
    assert shop.credits(buyer) == (0, 0, 200)
    shop.buy(buyer, "large")
    assert shop.credits(buyer) == (300, 0, 0)
    shop.wait(31)
    assert shop.credits(buyer) == (500, 0, 0)
    shop.fake.close_dispute(dispute["id"], won=True)
    shop.deliver()
    assert shop.credits(buyer) == (700, 0, 0)


def test_a_refund_that_failed_can_be_tried_again(shop: Shop, buyer: Any) -> None:
    bill = shop.buy(buyer)
    checkout.pay_back(bill)
    refund = gateway.call(lambda v1: v1.refunds.list({"payment_intent": bill.payment}))["data"][0]
    shop.fake.fail_refund(refund["id"])
    shop.deliver()
    checkout.pay_back(bill)
    bill.refresh_from_db()
    assert (bill.refunded, shop.credits(buyer)) == (600, (3, 0, 0))
