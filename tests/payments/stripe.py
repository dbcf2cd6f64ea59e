"""A fake Stripe in memory, API 2026-10-28: the API, what users do on its pages, and the resulting events.

Whatever it does not model raises NotImplementedError, so that no test passes on a guess. A path that is not
among ENDPOINTS is a 404, as at Stripe. Each section of the API has its own module.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import wraps
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import stripe

from . import (
    catalogue,
    changes,
    charges,
    checkout,
    clock,
    customers,
    invoices,
    portal,
    refunds,
    subscriptions,
)
from .account import API, DAY, Account, Obj
from .contract import Refused, check, decode

Answer = Callable[..., Obj]


def one(kind: str) -> Answer:
    return lambda account, form, id: account.get(kind, id)


def many(kind: str) -> Answer:
    return lambda account, form: account.listed(kind, form)


# Method, path, the library's name of the form (product_create: ProductCreateParams), and the function.
ENDPOINTS: list[tuple[str, str, str, Answer]] = [
    ("POST", "products", "product_create", catalogue.create_product),
    ("GET", "products/{id}", "product_retrieve", one("product")),
    ("POST", "products/{id}", "product_update", catalogue.update_product),
    ("GET", "products", "product_list", many("product")),
    ("POST", "prices", "price_create", catalogue.create_price),
    ("GET", "prices/{id}", "price_retrieve", one("price")),
    ("POST", "prices/{id}", "price_update", catalogue.update_price),
    ("GET", "prices", "price_list", many("price")),
    ("POST", "customers", "customer_create", customers.create),
    ("GET", "customers/{id}", "customer_retrieve", customers.retrieve),
    ("POST", "customers/{id}", "customer_update", customers.update),
    ("DELETE", "customers/{id}", "customer_delete", customers.delete),
    ("GET", "customers", "customer_list", many("customer")),
    ("POST", "checkout/sessions", "checkout.session_create", checkout.create),
    ("GET", "checkout/sessions", "checkout.session_list", many("checkout.session")),
    ("GET", "checkout/sessions/{id}", "checkout.session_retrieve", one("checkout.session")),
    ("POST", "checkout/sessions/{id}/expire", "checkout.session_expire", checkout.expire),
    (
        "POST",
        "billing_portal/configurations",
        "billing_portal.configuration_create",
        portal.create_configuration,
    ),
    (
        "POST",
        "billing_portal/configurations/{id}",
        "billing_portal.configuration_update",
        portal.update_configuration,
    ),
    (
        "GET",
        "billing_portal/configurations",
        "billing_portal.configuration_list",
        many("billing_portal.configuration"),
    ),
    ("POST", "billing_portal/sessions", "billing_portal.session_create", portal.create_session),
    ("GET", "subscriptions/{id}", "subscription_retrieve", one("subscription")),
    ("POST", "subscriptions/{id}", "subscription_update", changes.update),
    ("DELETE", "subscriptions/{id}", "subscription_cancel", subscriptions.cancel),
    ("GET", "subscriptions", "subscription_list", subscriptions.list_all),
    ("GET", "invoices/{id}", "invoice_retrieve", one("invoice")),
    ("GET", "invoices/{id}/lines", "invoice_list_lines", invoices.list_lines),
    ("GET", "invoices", "invoice_list", many("invoice")),
    ("GET", "invoice_payments", "invoice_payment_list", invoices.list_payments),
    ("GET", "payment_intents/{id}", "payment_intent_retrieve", one("payment_intent")),
    ("GET", "charges/{id}", "charge_retrieve", one("charge")),
    ("GET", "charges", "charge_list", many("charge")),
    ("POST", "refunds", "refund_create", refunds.create),
    ("GET", "refunds", "refund_list", many("refund")),
    ("GET", "disputes", "dispute_list", many("dispute")),
    ("GET", "events", "event_list", many("event")),
]


def endpoint(method: str, path: str) -> tuple[str, Answer, list[str]]:
    """The name of its form, its function, and the ids in the path."""
    for verb, pattern, name, answer in ENDPOINTS:
        if verb == method and (found := re.fullmatch("/v1/" + pattern.replace("{id}", "([^/]+)"), path)):
            return name, answer, list(found.groups())
    raise Refused(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.",
        status=404,
    )


def locked(act: Callable[..., Any]) -> Callable[..., Any]:
    """Serialises the users' actions and the requests to the API."""

    @wraps(act)
    def one_at_a_time(fake: FakeStripe, *args: Any, **more: Any) -> Any:
        with fake.lock:
            return act(fake, *args, **more)

    return one_at_a_time


class FakeStripe(Account):
    """An account with its API, the actions of users on Stripe's pages, and the delivery of events."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = {"sk_test_new", "sk_test_old"}
        self.down = False
        self.notify = ""  # the address to which the server of the hosted pages sends events
        self.calls: list[tuple[str, str, Obj]] = []  # method, path, form
        self.undelivered: list[Obj] = []
        self._delivering = Lock()
        self._flushed = 0
        # Idempotency key -> (request, status, body of the answer, time).
        self._replies: dict[str, tuple[Any, int, str, int]] = {}

    # The actions of users, cards and banks

    pay = locked(checkout.pay)
    change = locked(changes.change)
    cancel_at_period_end = locked(subscriptions.cancel_at_period_end)
    cancel_now = locked(subscriptions.cancel_now)
    fail_next = locked(charges.fail_next)
    refund = locked(refunds.refund)
    fail_refund = locked(refunds.fail_refund)
    dispute = locked(refunds.dispute)
    close_dispute = locked(refunds.close_dispute)
    advance = locked(clock.advance)

    @locked
    def unknown_event(self) -> Obj:
        """An event of a type that our code does not handle."""
        return self.emit(
            "balance.available", {"object": "balance", "available": [], "livemode": False, "pending": []}
        )

    # The API

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | str | None = None
    ) -> tuple[int, dict[str, str], str]:
        """Answers a request; `path` includes the query. The body of the answer is JSON, also of errors."""
        named = {k.lower(): v for k, v in headers.items()}
        where, text = urlsplit(path), body.decode() if isinstance(body, bytes) else body or ""
        more = {"Content-Type": "application/json"}
        with self.lock:
            try:
                form = decode("&".join(part for part in (where.query, text) if part))
                self.calls.append((method, where.path, deepcopy(form)))
                self._admit(named)
                key = named.get("idempotency-key", "") if method == "POST" else ""
                if again := self._again(key, (method, where.path, form)):
                    return again[0], more | {"Idempotent-Replayed": "true"}, again[1]
                status, said = self._act(method, where.path, form)
                if key:
                    self._replies[key] = ((method, where.path, form), status, said, self.now)
            except Refused as refused:
                status, said = refused.status, json.dumps(refused.body)
        return status, more, said

    def _admit(self, headers: Mapping[str, str]) -> None:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if not key or scheme != "Bearer":
            raise Refused(
                "You did not provide an API key. You need to provide your API key in the"
                " Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
                status=401,
            )
        if key not in self.keys:
            raise Refused(f"Invalid API Key provided: {key[:8]}{'*' * 8}{key[-4:]}", status=401)
        if headers.get("stripe-version", API) != API:
            raise Refused(f"Invalid Stripe API version: {headers['stripe-version']}")

    def _again(self, key: str, asked: Any) -> tuple[int, str] | None:
        """The earlier answer to this key, if it is less than a day old."""
        if key not in self._replies or self._replies[key][3] <= self.now - DAY:
            return None
        before, status, said, _at = self._replies[key]
        if before != asked:
            raise Refused(
                "Keys for idempotent requests can only be used with the same parameters they were first used"
                f" with. Try using a key other than '{key}' if you meant to execute a different request.",
                type="idempotency_error",
            )
        return status, said

    def _act(self, method: str, path: str, form: Obj) -> tuple[int, str]:
        """The answer, which is kept for its key. A refusal by an endpoint is kept too; one of an unknown
        path or of wrong parameters raises Refused."""
        name, act, ids = endpoint(method, path)
        typed = check(name, form)
        expand = typed.pop("expand", [])
        try:
            said = self.expanded(deepcopy(act(self, typed, *ids)), expand)
        except Refused as refused:
            return refused.status, json.dumps(refused.body)
        return 200, json.dumps({"url": path, **said} if said["object"] == "list" else said)

    # Webhooks

    def flush(self, post: Callable[[Obj], Any]) -> None:
        """Pass each undelivered event to `post`, in order. It stays undelivered if `post` returns False or
        raises. The lock is not held meanwhile, because `post` may send requests to the API.
        """
        with self._delivering:
            with self.lock:
                waiting = [*self.undelivered, *self.events[self._flushed :]]
                self.undelivered, self._flushed = list(waiting), len(self.events)
            for event in waiting:
                if post(deepcopy(event)) is not False:
                    with self.lock:
                        self.undelivered.remove(event)
                        event["pending_webhooks"] = 0


class DoubleClient(stripe.HTTPClient):
    """Connects the library to a FakeStripe: stripe.StripeClient(key, http_client=DoubleClient(fake))."""

    name = "double"

    def __init__(self, fake: FakeStripe) -> None:
        super().__init__()
        self.fake = fake

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: Any = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        if self.fake.down:
            raise stripe.APIConnectionError("Unexpected error communicating with Stripe.", should_retry=False)
        where = urlsplit(url)
        path = where.path + (f"?{where.query}" if where.query else "")
        status, more, said = self.fake.answer(method.upper(), path, headers or {}, post_data)
        return said, status, more


def signed(event: Obj, secret: str, at: int | None = None) -> tuple[bytes, str]:
    """The body and the Stripe-Signature header of a webhook. The library checks the time: default is now."""
    body = json.dumps(event, indent=2).encode()
    t = int(time.time()) if at is None else at
    mac = hmac.new(secret.encode(), f"{t}.".encode() + body, hashlib.sha256).hexdigest()
    return body, f"t={t},v1={mac}"
