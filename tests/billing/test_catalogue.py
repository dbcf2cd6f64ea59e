"""Stripe's catalogue follows ours."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command

from billing.models import Pack, Plan, StripePrice
from billing.payments import gateway
from tests.billing.shop import Shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("adds_up")]


def test_the_catalogue_is_made_once_and_a_new_amount_is_a_new_price(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "creator")
    made = StripePrice.objects.count()
    assert made == 3 * 2 + 3
    call_command("sync_stripe")
    assert StripePrice.objects.count() == made
    old = StripePrice.objects.get(plan="creator", interval="month")
    Plan.objects.filter(code="creator").update(price_cents=2500)
    call_command("sync_stripe", "--dry-run")
    assert StripePrice.objects.count() == made
    call_command("sync_stripe")
    assert list(
        StripePrice.objects.filter(plan="creator", interval="month", current=True).values_list(
            "cents", flat=True
        )
    ) == [2500]
    old.refresh_from_db()
    assert not old.current
    shop.wait(31)  # the subscriber goes on paying the old price
    subscription.refresh_from_db()
    assert (subscription.cents, shop.credits(buyer)[0]) == (2000, 203)


def test_an_edited_pack_has_its_new_name_at_stripe(shop: Shop) -> None:
    Pack.objects.filter(code="small").update(credits=40)
    call_command("sync_stripe")
    assert (
        gateway.call(lambda v1: v1.products.retrieve("photoflux_pack_small"))["name"]
        == "PhotoFlux: 40 credits"
    )
