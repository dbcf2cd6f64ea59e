"""A shop for tests: our billing with a fake Stripe, and one clock for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from billing import ledger
from billing.models import Invoice, StripePrice, Subscription, Wallet
from billing.payments import catalogue, checkout, gateway, webhooks
from tests.payments.stripe import DoubleClient, FakeStripe, signed

SECRETS = ["whsec_new", "whsec_old"]
DAY = 86400


class Shop:
    """Does what users do on Stripe's pages, and delivers Stripe's events to us."""

    def __init__(self, fake: FakeStripe) -> None:
        self.fake = fake
        self.sent: list[dict[str, Any]] = []

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.fake.now, UTC)

    def deliver(
        self, order: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda events: events
    ) -> None:
        """Deliver the events since the last delivery, in the given order."""
        new: list[dict[str, Any]] = []
        self.fake.flush(new.append)
        self.sent += new
        for event in order(new):
            webhooks.receive(*signed(event, SECRETS[0]))

    def session(self, user: Any, **what: str) -> str:
        return checkout.buy(user, **what).rsplit("/", 1)[1]

    def subscribe(self, user: Any, plan: str = "creator", interval: str = "month") -> Subscription:
        self.fake.pay(self.session(user, plan=plan, interval=interval))
        self.deliver()
        return Subscription.objects.get(wallet=self.wallet(user).id, ended_at=None)

    def buy(self, user: Any, pack: str = "small") -> Invoice:
        self.fake.pay(self.session(user, pack=pack))
        self.deliver()
        return Invoice.objects.filter(wallet=self.wallet(user).id, plan=None).latest("created_at")

    def change(self, subscription: Subscription, plan: str, interval: str = "month") -> None:
        self.fake.change(
            subscription.id, StripePrice.objects.get(plan=plan, interval=interval, current=True).id
        )
        self.deliver()

    def wait(self, days: float) -> None:
        self.fake.advance(int(days * DAY))
        self.deliver()

    def charge(self, invoice: Invoice) -> str:
        paid = gateway.call(lambda v1: v1.charges.list({"payment_intent": invoice.payment}))["data"]
        return str(next(c["id"] for c in paid if c["paid"]))

    def wallet(self, user: Any) -> Wallet:
        return Wallet.objects.select_related("plan").get(user=user)

    def credits(self, user: Any) -> tuple[int, int, int]:
        """(available, held, owed)"""
        found = ledger.balance(self.wallet(user))
        return found.available, found.held, found.owed


@contextmanager
def opened(settings: Any) -> Iterator[Shop]:
    shop = Shop(FakeStripe())
    gateway.use(DoubleClient(shop.fake))
    settings.STRIPE_SECRET_KEYS, settings.STRIPE_WEBHOOK_SECRETS = ["sk_test_new", "sk_test_old"], SECRETS
    with patch("django.utils.timezone.now", shop.clock):
        catalogue.synchronise()
        yield shop
    gateway.use(None)
