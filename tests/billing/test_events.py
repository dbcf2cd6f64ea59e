"""Stripe's events: signatures, order, repetition, failures."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing.models import Invoice, StripePrice, Subscription, WebhookEvent
from billing.payments import gateway, webhooks
from config.errors import Unavailable
from tests.billing.shop import DAY, Shop
from tests.payments.stripe import signed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("adds_up")]


def story(shop: Shop, buyer: Any) -> list[dict[str, Any]]:
    """Undelivered events of a plan with an upgrade, a half-refunded pack, a dispute and a failed renewal."""
    shop.fake.pay(shop.session(buyer, plan="creator"))
    owner = shop.wallet(buyer).stripe_customer
    subscription = gateway.call(lambda v1: v1.subscriptions.list({"customer": owner}))["data"][0]["id"]
    shop.fake.advance(10 * DAY)
    shop.fake.change(subscription, StripePrice.objects.get(plan="pro", interval="month").id)
    shop.fake.pay(shop.session(buyer, pack="large"))
    charge = gateway.call(lambda v1: v1.charges.list({"customer": owner}))["data"][0]["id"]
    shop.fake.refund(charge, 2250)
    first = gateway.call(lambda v1: v1.charges.list({"customer": owner}))["data"][-1]["id"]
    shop.fake.dispute(first)
    shop.fake.fail_next(owner)
    shop.fake.advance(25 * DAY)
    shop.fake.unknown_event()
    found: list[dict[str, Any]] = []
    shop.fake.flush(found.append)
    return found


def end_state(shop: Shop, buyer: Any) -> Any:
    bills = sorted(Invoice.objects.values_list("id", "status", "total", "refunded", "credits", "taken"))
    return (
        shop.wallet(buyer).plan_id,
        shop.credits(buyer),
        bills,
        sorted(Subscription.objects.values_list("id", "plan", "status", "period_end")),
    )


@pytest.mark.parametrize("seed", [0, *(pytest.param(i, marks=pytest.mark.thorough) for i in range(1, 6))])
def test_each_event_three_times_in_any_order_ends_the_same(shop: Shop, buyer: Any, seed: int) -> None:
    events = story(shop, buyer) * 3
    random.Random(seed).shuffle(events)
    for event in events:
        webhooks.receive(*signed(event, "whsec_new"))
    plan, credits, bills, subscriptions = end_state(shop, buyer)
    assert (plan, credits) == ("pro", (3 + 500 + 250, 0, 0))
    assert [bill[1] for bill in bills] == ["paid"] * 4
    assert [row[2] for row in subscriptions] == ["active"]
    assert WebhookEvent.objects.count() == len(events) / 3
    assert not WebhookEvent.objects.filter(state="failed").exists()


def test_an_unknown_event_is_kept_and_ignored(shop: Shop) -> None:
    shop.fake.unknown_event()
    shop.deliver()
    assert WebhookEvent.objects.latest("received_at").state == "ignored"


def test_an_event_keeps_nothing_personal(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer)
    kept = " ".join(str(value) for row in WebhookEvent.objects.values() for value in row.values())
    assert "alice" not in kept


def test_an_event_that_failed_is_kept_without_its_effect_and_retried(
    shop: Shop, buyer: Any, capsys: Any
) -> None:
    shop.fake.pay(shop.session(buyer, plan="creator"))
    shop.fake.down = True
    shop.deliver()
    failed = WebhookEvent.objects.filter(state="failed").count()
    assert failed
    assert shop.credits(buyer) == (3, 0, 0)
    with pytest.raises(CommandError, match="still fail"):
        call_command("retry_events")
    shop.fake.down = False
    call_command("retry_events")
    assert not WebhookEvent.objects.filter(state="failed").exists()
    assert shop.credits(buyer) == (203, 0, 0)


def test_an_unknown_price_or_currency_gives_no_credits_and_fails_the_event(shop: Shop, buyer: Any) -> None:
    session = shop.session(buyer, pack="small")
    StripePrice.objects.filter(pack="small").update(currency="eur")
    shop.fake.pay(session)
    shop.deliver()
    assert "currency usd" in WebhookEvent.objects.filter(state="failed")[0].error
    StripePrice.objects.filter(pack="small").delete()
    call_command_failing("retry_events")
    assert "run manage.py sync_stripe" in WebhookEvent.objects.filter(state="failed")[0].error
    assert shop.credits(buyer) == (3, 0, 0)


def test_a_new_currency_changes_nothing_for_subscribers(shop: Shop, buyer: Any, settings: Any) -> None:
    shop.subscribe(buyer, "creator")
    settings.CURRENCY = "eur"
    shop.wait(31)
    assert shop.credits(buyer) == (203, 0, 0)


def call_command_failing(name: str) -> None:
    with pytest.raises(CommandError):
        call_command(name)


def post(client: Any, body: bytes, header: str) -> Any:
    return client.post(
        "/hooks/stripe", body, content_type="application/json", headers={"Stripe-Signature": header}
    )


def an_event(shop: Shop) -> dict[str, Any]:
    shop.fake.unknown_event()
    found: list[dict[str, Any]] = []
    shop.fake.flush(found.append)
    return found[-1]


def test_two_secrets_are_accepted_and_no_third(shop: Shop, client: Any) -> None:
    answers = [
        post(client, *signed(an_event(shop), secret)) for secret in ("whsec_new", "whsec_old", "whsec_other")
    ]
    assert [a.status_code for a in answers] == [200, 200, 400]
    assert answers[2].json()["code"] == "bad_signature"


def test_an_old_an_altered_and_an_unsigned_event_are_refused(shop: Shop, client: Any) -> None:

    event = an_event(shop)
    body, header = signed(event, "whsec_new")
    answers = [
        post(client, *signed(event, "whsec_new", at=int(time.time()) - 301)),
        post(client, body.replace(b"evt_", b"evtx"), header),
        post(client, body, ""),
        post(client, b"", header),
        post(client, b"\xff\xfe", "t=1,v1=2"),
        post(client, *signed({"id": "x"}, "whsec_new")),
        post(client, *signed(event | {"id": "evt\0"}, "whsec_new")),
        post(client, *signed(event | {"created": 1e30}, "whsec_new")),
    ]
    assert [a.status_code for a in answers] == [400] * 8
    assert not WebhookEvent.objects.filter(id=event["id"]).exists()
    assert client.get("/hooks/stripe").status_code == 405


def test_stripe_sends_a_failed_event_again(shop: Shop, buyer: Any, client: Any) -> None:
    shop.fake.pay(shop.session(buyer, pack="small"))
    found: list[dict[str, Any]] = []
    shop.fake.flush(found.append)
    shop.fake.down = True
    paid = next(e for e in found if e["type"] == "invoice.paid")
    assert post(client, *signed(paid, "whsec_new")).status_code == 503
    shop.fake.down = False
    assert post(client, *signed(paid, "whsec_new")).json() == {"state": "applied"}
    assert (shop.credits(buyer), WebhookEvent.objects.get(id=paid["id"]).attempts) == ((53, 0, 0), 2)


def test_a_key_can_be_replaced_while_both_are_set(shop: Shop, buyer: Any, settings: Any) -> None:
    shop.fake.keys = {"sk_test_old"}
    assert shop.session(buyer, plan="creator")
    shop.fake.keys = {"sk_test_new"}
    assert shop.session(buyer, plan="creator")
    shop.fake.keys = set()
    with pytest.raises(Unavailable):
        shop.session(buyer, plan="creator")


def test_reconciling_applies_the_changes_of_lost_events(shop: Shop, buyer: Any, capsys: Any) -> None:
    story(shop, buyer)  # all its events are lost
    assert shop.credits(buyer) == (3, 0, 0)
    with pytest.raises(CommandError, match="differ"):
        call_command("reconcile_stripe", "--dry-run")
    assert shop.credits(buyer) == (3, 0, 0)
    call_command("reconcile_stripe")
    assert (shop.wallet(buyer).plan_id, shop.credits(buyer)) == ("pro", (753, 0, 0))
    capsys.readouterr()
    call_command("reconcile_stripe")
    assert capsys.readouterr().out == "Nothing differs.\n"


def test_a_payment_after_the_account_is_deleted_is_recorded(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    buyer.delete()
    shop.wait(31)
    assert Invoice.objects.filter(status="paid").count() == 2
    assert not WebhookEvent.objects.filter(state="failed").exists()
