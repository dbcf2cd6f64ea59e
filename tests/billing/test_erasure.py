"""Erasure ends subscriptions and deletes the link to the user, and the ledger still adds up."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from billing import ledger, services
from billing.models import Invoice, LedgerAccount, Subscription, Transfer, Wallet, WebhookEvent
from billing.payments import checkout, gateway, reconcile
from config.errors import NotFound, Unavailable
from tests.billing.shop import SECRETS, Shop
from tests.payments.stripe import signed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("adds_up")]


def erase(user: Any) -> None:
    """Erases like the erasure of an account."""
    services.erase(user)
    user.delete()


def post(client: Any, event: dict[str, Any]) -> int:
    """The status with which our webhook answers an event of Stripe."""
    body, signature = signed(event, SECRETS[0])
    said = client.post("/hooks/stripe", body, "application/json", headers={"Stripe-Signature": signature})
    return int(said.status_code)


def events_of(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    shop.fake.flush(found.append)
    return found


def everything_stored() -> str:
    """All rows of billing's tables, as text."""
    names = [m._meta.db_table for m in (Invoice, LedgerAccount, Subscription, Transfer, Wallet, WebhookEvent)]
    with connection.cursor() as cursor:
        texts = []
        for name in names:
            cursor.execute(f"SELECT t::text FROM {name} t")
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts)


def test_an_erased_person_pays_nothing_more(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "creator")
    erase(buyer)
    shop.wait(62)
    subscription.refresh_from_db()
    assert (subscription.status, Invoice.objects.count()) == ("canceled", 1)


def test_the_remaining_rows_name_nobody(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    words = buyer.email, str(buyer.id), str(shop.wallet(buyer).stripe_customer)
    erase(buyer)
    shop.deliver()
    assert not Wallet.objects.exists()
    assert not any(word in everything_stored() for word in words)
    assert Invoice.objects.get().total == 2000
    assert gateway.call(lambda v1: v1.customers.retrieve(words[2]))["deleted"]


def test_an_erasure_releases_held_credits(shop: Shop, buyer: Any) -> None:
    wallet = ledger.wallet_of(buyer)
    ledger.hold(wallet, 2, cause="image:1")
    ledger.hold(wallet, 1, cause="image:2")
    ledger.settle("image:2", captured=1)
    erase(buyer)
    assert Transfer.objects.get(kind="release").cause == "image:1"
    assert ledger.settle("image:1", captured=2) == 0  # a late worker captures nothing


def test_erasing_twice_changes_nothing_the_second_time(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer)
    services.erase(buyer)
    stored, asked = everything_stored(), len(shop.fake.calls)
    services.erase(buyer)
    assert (everything_stored(), len(shop.fake.calls)) == (stored, asked)


def test_without_a_wallet_there_is_nothing_to_erase(alice: Any) -> None:
    services.erase(alice)
    assert not Wallet.objects.exists()


def test_while_stripe_is_down_the_wallet_stays_and_the_next_try_ends_it(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer)
    shop.fake.down = True
    with pytest.raises(Unavailable):
        erase(buyer)
    assert shop.wallet(buyer).stripe_customer
    shop.fake.down = False
    erase(buyer)
    assert not Wallet.objects.exists()


def test_after_a_crash_between_stripe_and_here_the_next_try_ends_it(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer)
    customer = str(shop.wallet(buyer).stripe_customer)
    gateway.call(lambda v1: v1.customers.delete(customer))
    erase(buyer)
    assert not Wallet.objects.exists()
    assert Subscription.objects.get().status == "canceled"
    assert customer not in everything_stored()


def test_an_open_checkout_can_no_longer_be_paid(shop: Shop, buyer: Any) -> None:
    sessions = [shop.session(buyer, plan="creator"), shop.session(buyer, pack="small")]
    erase(buyer)
    for session in sessions:
        with pytest.raises(ValueError, match="expired"):
            shop.fake.pay(session)


@pytest.mark.parametrize("what", [{"plan": "creator"}, {"pack": "small"}])
def test_events_of_a_payment_that_arrive_after_the_erasure_give_nothing(
    shop: Shop, buyer: Any, client: Any, what: dict[str, str]
) -> None:
    shop.fake.pay(shop.session(buyer, **what))
    late = events_of(shop)
    erase(buyer)
    late += events_of(shop)
    before = everything_in_the_books()
    assert {post(client, event) for event in late * 2} == {200}
    assert everything_in_the_books() == before
    assert not Wallet.objects.exists()


def everything_in_the_books() -> list[Any]:
    tables = (Invoice, Transfer, LedgerAccount)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def test_an_invoice_that_is_paid_after_the_erasure_is_recorded_and_gives_nothing(
    shop: Shop, buyer: Any
) -> None:
    shop.subscribe(buyer, "creator")
    Wallet.objects.all().delete()  # as an erasure without keys of Stripe does
    moved = Transfer.objects.count()
    shop.wait(31)
    assert list(Invoice.objects.order_by("created_at").values_list("status", "credits", "plan")) == [
        ("paid", 200, "creator"),
        ("paid", 0, "creator"),
    ]
    assert Transfer.objects.count() == moved


def test_a_refund_after_the_erasure_is_in_the_books(shop: Shop, buyer: Any) -> None:
    bill = shop.buy(buyer, "small")
    charge = shop.charge(bill)
    erase(buyer)
    shop.fake.refund(charge)
    shop.deliver()
    bill.refresh_from_db()
    assert (bill.refunded, bill.taken) == (600, 50)
    assert not WebhookEvent.objects.exclude(customer="").exists()


def test_a_purchase_during_the_erasure_is_refused(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer)
    buyer.is_active = False
    buyer.save()
    services.erase(buyer)
    with pytest.raises(NotFound):
        checkout.buy(buyer, plan="pro")
    assert shop.wallet(buyer).stripe_customer is None


def test_without_keys_of_stripe_the_wallet_goes_and_operators_are_told(
    shop: Shop, buyer: Any, settings: Any, caplog: Any
) -> None:
    shop.subscribe(buyer)
    customer = str(shop.wallet(buyer).stripe_customer)
    settings.STRIPE_SECRET_KEYS = []
    erase(buyer)
    assert customer in caplog.text
    assert not Wallet.objects.exists()


def test_nothing_of_an_erased_person_is_reconciled(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer)
    erase(buyer)
    assert list(reconcile.everybody(dry_run=True)) == []
