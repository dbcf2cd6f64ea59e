"""Copies Stripe's objects into our tables.

An event only says that an object changed. Whatever the order and number of events, the object is fetched in
its current state and applied. Applying the same state twice changes nothing the second time.

An advisory lock serialises the work on one customer, so an older copy is never applied after a newer one.
All requests to Stripe end before anything is applied, so no ledger row is locked during a request.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from billing import ledger
from billing.models import Invoice, Subscription, Wallet, WebhookEvent
from billing.payments import gateway, invoices, refunds, subscriptions
from config.errors import DomainError, NotFound
from config.runs.locks import advisory_lock

log = logging.getLogger(__name__)
Objects = list[dict[str, Any]]


@dataclass
class Found:
    """The fetched objects of one customer; `payments`: payment intent -> (charges, disputes)."""

    subscriptions: Objects = field(default_factory=list)
    invoices: Objects = field(default_factory=list)
    payments: dict[str, tuple[Objects, Objects]] = field(default_factory=dict)


@transaction.atomic
def sync_customer(
    customer: str,
    *,
    subscriptions: Iterable[str] = (),
    invoices: Iterable[str] = (),
    payments: Iterable[str] = (),
) -> bool:
    """Fetch and apply these objects of one customer; False when the customer is unknown here.

    Raises NotUnderstood, NotFound, Unavailable.
    """
    advisory_lock(customer)
    found = Found(payments={ident: _payment(ident) for ident in payments})
    bills = dict.fromkeys(invoices)
    for ident in found.payments:
        if not Invoice.objects.filter(payment=ident).exists():
            bills |= dict.fromkeys(_invoices_of(ident))
    found.invoices = [_invoice(ident) for ident in bills]
    found.subscriptions = [_subscription(ident) for ident in _with_owners(subscriptions, found.invoices)]
    return _apply(customer, found)


def sync_payment(ident: str) -> bool:
    """Apply refunds and disputes of a payment intent; False when it paid none of our invoices."""
    customer = gateway.call(lambda v1: v1.payment_intents.retrieve(ident))["customer"]
    return bool(customer) and sync_customer(customer, payments=[ident])


@transaction.atomic
def sync_everything(customer: str) -> bool:
    """Fetch and apply all objects of a customer, which also applies the changes of lost events."""
    advisory_lock(customer)
    of_them: Any = {"customer": customer}
    subs = gateway.pages(lambda v1, params: v1.subscriptions.list({**of_them, "status": "all", **params}))
    bills = gateway.pages(lambda v1, params: v1.invoices.list({**of_them, **params}))
    charges = gateway.pages(lambda v1, params: v1.charges.list({**of_them, **params}))
    changed = [c for c in charges if c["amount_refunded"] or c["disputed"]]
    return sync_customer(
        customer,
        subscriptions=[s["id"] for s in subs],
        invoices=[i["id"] for i in reversed(bills)],
        payments=[c["payment_intent"] for c in changed if c["payment_intent"]],
    )


# ---------------------------------------------------------------- fetching


def _with_owners(wanted: Iterable[str], bills: Objects) -> list[str]:
    """The `wanted` subscriptions and those of the invoices, without duplicates."""
    return list(dict.fromkeys([*wanted, *filter(None, map(invoices.subscription_of, bills))]))


def _subscription(ident: str) -> dict[str, Any]:
    options: Any = {"expand": ["latest_invoice", "schedule"]}
    return gateway.call(lambda v1: v1.subscriptions.retrieve(ident, options))


def _invoice(ident: str) -> dict[str, Any]:
    options: Any = {"expand": ["payments"]}
    found = gateway.call(lambda v1: v1.invoices.retrieve(ident, options))
    if found["lines"]["has_more"]:
        found["lines"]["data"] = gateway.pages(lambda v1, params: v1.invoices.line_items.list(ident, params))
    return found


def _invoices_of(payment: str) -> list[str]:
    options: Any = {"payment": {"type": "payment_intent", "payment_intent": payment}}
    return [p["invoice"] for p in gateway.call(lambda v1: v1.invoice_payments.list(options))["data"]]


def _payment(ident: str) -> tuple[Objects, Objects]:
    """(charges, disputes) of a payment intent."""
    of_it: Any = {"payment_intent": ident}
    charges = gateway.pages(lambda v1, params: v1.charges.list({**of_it, **params}))
    if not any(charge["disputed"] for charge in charges):
        return charges, []
    return charges, gateway.pages(lambda v1, params: v1.disputes.list({**of_it, **params}))


# ---------------------------------------------------------------- applying


def _apply(customer: str, found: Found) -> bool:
    """Apply the fetched objects, without requests to Stripe.

    After an erasure there is no wallet: invoices and refunds are recorded under its id and give no credits.
    """
    known = Wallet.objects.filter(stripe_customer=customer).values_list("id", flat=True).first()
    owner = known or _recorded_owner(found)
    if owner is None:
        return False
    ledger.enter(owner)
    wallet = Wallet.objects.filter(id=owner).first()
    for each in found.subscriptions:
        subscriptions.apply(each, owner)
    for each in found.invoices:
        invoices.apply(each, owner, erased=wallet is None)
    done = [refunds.apply(ident, *parts) for ident, parts in found.payments.items()]
    if wallet:
        subscriptions.set_plan(wallet)
    return bool(found.subscriptions or found.invoices or any(done))


def _recorded_owner(found: Found) -> uuid.UUID | None:
    """The wallet's id on rows recorded earlier, for a customer whose wallet was erased."""
    rows = Subscription.objects.filter(id__in=[s["id"] for s in found.subscriptions])
    bills = Invoice.objects.filter(
        Q(id__in=[i["id"] for i in found.invoices]) | Q(payment__in=found.payments)
    )
    return rows.values_list("wallet", flat=True).first() or bills.values_list("wallet", flat=True).first()


# ---------------------------------------------------------------- ends


def lapse() -> int:
    """End subscriptions not paid within the days of grace, here first, then at Stripe; returns how many.

    A subscription that cannot be ended at Stripe now is tried again next time; the others go on.
    """
    late = [s for s in Subscription.objects.filter(status="past_due") if not s.is_live(timezone.now())]
    for wallet in Wallet.objects.filter(id__in=[s.wallet for s in late]):
        subscriptions.set_plan(wallet)
    return sum(_end(each) for each in late)


def _end(each: Subscription) -> bool:
    try:
        with contextlib.suppress(NotFound):  # it has ended at Stripe, and its event was lost
            gateway.call(lambda v1: v1.subscriptions.cancel(each.id))
        customer = gateway.call(lambda v1: v1.subscriptions.retrieve(each.id))["customer"]
        return sync_customer(customer, subscriptions=[each.id])
    except DomainError:
        log.exception("%s was not ended at Stripe", each.id)
        return False


def forget_events(customer: str) -> None:
    """Remove a customer's id and the error texts, which may quote Stripe's objects, from stored events."""
    WebhookEvent.objects.filter(customer=customer).update(customer="", error="")
    WebhookEvent.objects.filter(subject=customer).update(subject="", error="")


@transaction.atomic
def customer_gone(customer: str) -> bool:
    """The customer was deleted at Stripe, which ends their subscriptions."""
    advisory_lock(customer)
    forget_events(customer)
    wallet = Wallet.objects.filter(stripe_customer=customer).first()
    if wallet is None:
        return False
    subscriptions.end_all(wallet)
    Wallet.objects.filter(id=wallet.id).update(stripe_customer=None)
    subscriptions.set_plan(wallet)
    return True
