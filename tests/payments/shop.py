"""An account of the fake Stripe, with products to sell."""

from __future__ import annotations

import stripe

from .account import DAY
from .stripe import DoubleClient, FakeStripe

MONTH = 30 * DAY  # November


class Shop:
    """An account with two monthly prices, a yearly one and a pack, and the customer alice."""

    def __init__(self) -> None:
        self.fake = FakeStripe()
        self.api = stripe.StripeClient("sk_test_new", http_client=DoubleClient(self.fake)).v1
        self.api.products.create({"id": "studio", "name": "Studio"})
        self.small = self.price(1900, "month", lookup_key="small")
        self.large = self.price(4900, "month", lookup_key="large")
        self.year = self.price(19000, "year")
        self.pack = self.price(700, None)
        self.alice = self.api.customers.create(
            {"email": "alice@example.com", "metadata": {"account": "1"}}
        ).id

    def price(self, amount: int, interval: str | None, **more: str) -> str:
        recurring = {"recurring": {"interval": interval}} if interval else {}
        return self.api.prices.create(
            {"product": "studio", "currency": "usd", "unit_amount": amount, **recurring, **more}
        ).id

    def session(self, price: str, mode: str = "subscription", **more):
        lines = [{"price": price, "quantity": 1}]
        return self.api.checkout.sessions.create(
            {
                "mode": mode,
                "customer": self.alice,
                "line_items": lines,
                "success_url": "https://us/ok?s={CHECKOUT_SESSION_ID}",
                "cancel_url": "https://us/",
                **more,
            }
        )

    def subscribe(self, price: str | None = None) -> str:
        made = self.session(price or self.small, subscription_data={"metadata": {"account": "1"}})
        self.fake.pay(made.id)
        return self.api.checkout.sessions.retrieve(made.id).subscription

    def said(self, since: int = 0) -> list[str]:
        return [e["type"] for e in self.fake.events[since:]]

    def portal(self, **more):
        prices = [self.small, self.large, self.year]
        update = {
            "enabled": True,
            "default_allowed_updates": ["price"],
            "proration_behavior": "always_invoice",
            "products": [{"product": "studio", "prices": prices}],
        }
        features = {
            "subscription_update": update,
            "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        }
        config = self.api.billing_portal.configurations.create({"features": features})
        return self.api.billing_portal.sessions.create(
            {"customer": self.alice, "configuration": config.id, "return_url": "https://us/back", **more}
        )

    def latest(self, sub: str):
        return self.api.invoices.retrieve(
            self.api.subscriptions.retrieve(sub).latest_invoice, {"expand": ["payments"]}
        )
