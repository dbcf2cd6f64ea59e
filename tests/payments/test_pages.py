"""Webhooks and hosted pages of the fake Stripe."""

from __future__ import annotations

import time
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, build_opener, urlopen

import pytest
import stripe

from .page import serve
from .shop import Shop
from .stripe import signed


def test_a_webhook_needs_the_signature_of_stripe(shop: Shop) -> None:
    body, header = signed(shop.fake.unknown_event(), "whsec_test")
    assert stripe.Webhook.construct_event(body, header, "whsec_test").type == "balance.available"
    old = signed(shop.fake.events[-1], "whsec_test", at=int(time.time()) - 301)
    for data, mark in [
        (body.replace(b"balance.", b"malance."), header),
        (body, signed({}, "whsec_test")[1]),
        old,
    ]:
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(data, mark, "whsec_test")


def test_an_event_is_delivered_once_and_kept_after_a_failed_delivery(shop: Shop) -> None:
    shop.fake.flush(lambda event: event["type"] != "customer.created")
    assert [e["type"] for e in shop.fake.undelivered] == ["customer.created"]
    seen: list[str] = []
    shop.fake.flush(lambda event: seen.append(event["type"]))
    assert (seen, shop.fake.undelivered) == (["customer.created"], [])


class Stay(HTTPRedirectHandler):
    def redirect_request(self, *args, **more):
        return None


def press(url: str, **form: str) -> tuple[int, str]:
    """The status of the page's answer, and its Location header or its body."""
    try:
        with build_opener(Stay).open(url, data=urlencode(form).encode(), timeout=10) as said:
            return said.status, said.read().decode()
    except HTTPError as said:
        return said.code, said.headers.get("Location") or said.read().decode()


def test_the_hosted_pages_work_from_another_process(shop: Shop) -> None:
    with serve(shop.fake, notify_url="http://127.0.0.1:9/nobody") as url:
        remote = stripe.StripeClient("sk_test_new", base_addresses={"api": url}).v1
        made = shop.session(shop.small)
        assert "19.00 USD per month" in urlopen(made.url).read().decode()
        assert "declined" in press(made.url, action="decline")[1]
        assert press(made.url, action="pay") == (303, f"https://us/ok?s={made.id}")
        assert len(shop.fake.undelivered) == len(shop.fake.events)  # no server listens at notify_url
        sub = remote.checkout.sessions.retrieve(made.id).subscription
        portal = shop.portal()
        assert "Change to Studio, 49.00 USD per month" in urlopen(portal.url).read().decode()
        assert press(portal.url, action="change", subscription=sub, price=shop.large)[0] == 200
        assert remote.subscriptions.retrieve(sub)["items"].data[0].price.id == shop.large
        assert "Keep subscription" in press(portal.url, action="cancel", subscription=sub)[1]
        assert press(made.url, action="pay")[0] == 409


def test_webhooks_of_the_pages_arrive_signed_and_in_order(shop: Shop) -> None:
    taken: list[str] = []

    def hear(event):
        body, header = signed(event, "whsec_test")
        taken.append(stripe.Webhook.construct_event(body, header, "whsec_test").id)

    shop.subscribe()
    shop.fake.flush(hear)
    assert taken == [e["id"] for e in shop.fake.events]
    assert {e["pending_webhooks"] for e in shop.fake.events} == {0}
