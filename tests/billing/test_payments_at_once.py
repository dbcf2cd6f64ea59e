"""Sixteen threads at once: users, workers and Stripe's events on the same few wallets."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from billing import audit, ledger, services
from billing.models import Invoice, StripePrice, Subscription, Transfer, Wallet, WebhookEvent
from billing.payments import gateway, invoices, reconcile, webhooks
from tests.billing.shop import DAY, SECRETS, Shop, opened
from tests.conftest import person
from tests.payments.stripe import DoubleClient, signed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.workers]
THREADS, TURNS = 16, 12


@pytest.fixture
def shop(settings: Any) -> Iterator[Shop]:
    with opened(settings) as shop:
        yield shop


def apart(work: Callable[[], Any]) -> Any:
    """Run `work` in this thread, then close the thread's database connection."""
    try:
        return work()
    finally:
        connection.close()


def events_of(shop: Shop, people: list[Any]) -> list[dict[str, Any]]:
    """The events of a month in which each person bought a plan and two packs.

    One pack is refunded in part, the other disputed. The first person upgrades, the second downgrades with
    the next payment, and the third one's renewal fails at first.
    """
    up, down, failing = people
    for user in people:
        shop.subscribe(user, "pro" if user is down else "creator")
    for user in people:
        shop.fake.pay(shop.session(user, pack="small"))
        shop.fake.pay(shop.session(user, pack="large"))
    charges = [
        o for o in shop.fake.objects.values() if o.get("object") == "charge" and o["amount"] in (600, 4500)
    ]
    for charge in charges:
        if charge["amount"] == 600:
            shop.fake.refund(charge["id"], 300)
        else:
            shop.fake.dispute(charge["id"])
    for user, plan in ((up, "pro"), (down, "creator")):
        subscription = Subscription.objects.get(wallet=shop.wallet(user).id)
        shop.fake.change(subscription.id, StripePrice.objects.get(plan=plan, interval="month").id)
    shop.fake.fail_next(str(shop.wallet(failing).stripe_customer))
    shop.fake.advance(36 * DAY)
    found: list[dict[str, Any]] = []
    shop.fake.flush(found.append)
    return found


def test_the_money_adds_up_after_sixteen_threads_at_once(shop: Shop) -> None:
    people = [person(f"p{n}@example.com") for n in range(3)]
    wallets = [ledger.wallet_of(user) for user in people]
    events = events_of(shop, people)

    def busy(number: int) -> None:
        dice = random.Random(number)
        for turn in range(TURNS):
            wallet = dice.choice(wallets)
            cause = f"job:{number}:{turn}"
            act = dice.randrange(5)
            if act == 0:
                # Several threads grant for the same cause; only one grant counts.
                ledger.grant(wallet, 10, cause=f"staff:{turn}:{wallet.id}")
            elif act == 1:
                ledger.expire()
            elif act == 2:
                invoices.next_months()
            else:
                with contextlib.suppress(ledger.NotEnoughCredits, ledger.PaymentDue):
                    ledger.hold(wallet, dice.choice((1, 20, 90)), cause=cause)
                    ledger.settle(cause, captured=dice.choice((0, 1)))
            webhooks.receive(*signed(dice.choice(events), SECRETS[0]))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda n: apart(lambda: busy(n)), range(THREADS)))
    assert not WebhookEvent.objects.filter(state="failed").exists()
    for event in events:
        webhooks.receive(*signed(event, SECRETS[1]))
    assert audit.problems(runs=False) == []
    assert list(reconcile.everybody(dry_run=True)) == []
    assert Invoice.objects.filter(status="paid").count() == 3 * 4 + 1
    # The upgrade's invoice is applied after its month is over, so it gives no credits.
    assert Transfer.objects.filter(kind="plan").count() == 3 * 2
    assert [shop.wallet(user).plan_id for user in people] == ["pro", "creator", "creator"]


def test_one_event_that_comes_sixteen_times_at_once_is_applied_once(shop: Shop) -> None:
    user = person("p@example.com")
    shop.fake.pay(shop.session(user, pack="small"))
    found: list[dict[str, Any]] = []
    shop.fake.flush(found.append)
    paid = next(e for e in found if e["type"] == "invoice.paid")
    with ThreadPoolExecutor(THREADS) as pool:
        rows = list(
            pool.map(lambda _n: apart(lambda: webhooks.receive(*signed(paid, SECRETS[0]))), range(THREADS))
        )
    assert {row.state for row in rows} == {"applied"}
    assert WebhookEvent.objects.count() == 1
    assert shop.credits(user) == (53, 0, 0)


def test_purchases_at_once_create_one_customer(shop: Shop) -> None:
    user = person("p@example.com")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _n: apart(lambda: shop.session(user, pack="small")), range(8)))
    customers = [o for o in shop.fake.objects.values() if o.get("object") == "customer"]
    assert [c["id"] for c in customers] == [shop.wallet(user).stripe_customer]


def test_an_erasure_during_the_events_of_a_payment_leaves_no_wallet_and_adds_up(shop: Shop) -> None:
    user = person("p@example.com")
    for what in ({"plan": "creator"}, {"pack": "small"}):
        shop.fake.pay(shop.session(user, **what))
    found: list[dict[str, Any]] = []
    shop.fake.flush(found.append)
    acts = [lambda e=e: webhooks.receive(*signed(e, SECRETS[0])) for e in found]
    acts += [lambda: services.erase(user)] * 3
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(apart, acts))
    user.delete()
    shop.deliver()
    assert not Wallet.objects.exists()
    assert not WebhookEvent.objects.filter(state="failed").exists()
    assert audit.problems(runs=False) == []


class Slow(DoubleClient):
    """Each request waits up to 0.1 s for a second one, so that requests overlap where they can."""

    def __init__(self, fake: Any) -> None:
        super().__init__(fake)
        self.gate = threading.Barrier(2)

    def request(self, *args: Any, **more: Any) -> Any:
        try:
            self.gate.wait(0.1)
        except threading.BrokenBarrierError:
            with contextlib.suppress(threading.BrokenBarrierError):
                self.gate.reset()
        return super().request(*args, **more)


def test_the_events_of_a_first_payment_are_applied_one_after_the_other(shop: Shop) -> None:
    """No subscription is recorded before: each event applies the same one, while runs hold credits."""
    people = [person(f"p{n}@example.com") for n in range(3)]
    for user in people:
        shop.fake.pay(shop.session(user, plan="creator"))
    found: list[dict[str, Any]] = []
    shop.fake.flush(found.append)
    gateway.use(Slow(shop.fake))
    wallets = [ledger.wallet_of(user) for user in people]

    def work(number: int) -> None:
        for turn in range(10):
            ledger.hold(wallets[number], 1, cause=f"job:{number}:{turn}")
            ledger.settle(f"job:{number}:{turn}", captured=0)
        reconcile_one = list(reconcile.everybody(email=people[number].email))
        assert len(reconcile_one) <= 4

    acts = [lambda e=e: webhooks.receive(*signed(e, SECRETS[0])) for e in found] + [
        lambda n=n: work(n) for n in range(3)
    ]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(apart, acts))
    assert list(WebhookEvent.objects.filter(state="failed").values_list("type", "error")) == []
    assert [shop.credits(user) for user in people] == [(203, 0, 0)] * 3
    assert audit.problems(runs=False) == []
