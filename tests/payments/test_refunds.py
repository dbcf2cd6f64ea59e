"""Refunds and disputes of the fake Stripe."""

from __future__ import annotations

import pytest
import stripe

from .shop import Shop


def test_refunds_add_up_and_may_fail(shop: Shop) -> None:
    shop.subscribe()
    charge = shop.api.charges.list({"customer": shop.alice}).data[0]
    shop.fake.refund(charge.id, 500)
    assert shop.said()[-3:] == ["charge.refunded", "refund.created", "refund.updated"]
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        shop.api.refunds.create({"charge": charge.id, "amount": 1401})
    rest = shop.api.refunds.create({"payment_intent": charge.payment_intent})
    assert (rest.amount, shop.api.charges.retrieve(charge.id).refunded) == (1400, True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.api.refunds.create({"charge": charge.id})
    assert refused.value.code == "charge_already_refunded"
    shop.fake.fail_refund(rest.id)
    found = shop.api.charges.retrieve(charge.id, {"expand": ["refunds"]})
    assert (found.amount_refunded, [r.status for r in found.refunds.data]) == (500, ["succeeded", "failed"])


def test_a_dispute_takes_the_money_and_winning_returns_it(shop: Shop) -> None:
    shop.subscribe()
    charge = shop.api.charges.list().data[0].id
    dispute = shop.fake.dispute(charge)
    assert shop.said()[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert shop.api.charges.retrieve(charge).disputed
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        shop.api.refunds.create({"charge": charge})
    shop.fake.close_dispute(dispute["id"], True)
    assert shop.api.disputes.list({"charge": charge}).data[0].status == "won"
    assert shop.said()[-2:] == ["charge.dispute.closed", "charge.dispute.funds_reinstated"]
