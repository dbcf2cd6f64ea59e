"""Stripe's events: verified, stored once by id in the transaction that applies them, retried on failure."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import stripe
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import Invoice, Subscription, Wallet, WebhookEvent
from billing.payments import checkout, emails, sync
from config.errors import DomainError, NotFound

log = logging.getLogger(__name__)
State = WebhookEvent.State
TOLERANCE = 300  # seconds from signing to arrival


class BadSignature(DomainError):
    code, status = "bad_signature", 400
    message = _("This is not signed by Stripe with our secret, or it is too old.")


def receive(body: bytes, signature: str) -> WebhookEvent:
    """Store an event and apply it, in one transaction. Raises BadSignature.

    An event that fails is stored without its effect and applied again when Stripe sends it again.
    """
    event = _verified(body, signature)
    with transaction.atomic():
        row, new = WebhookEvent.objects.get_or_create(id=event["id"], defaults=_facts(event))
        return _apply(row) if new else retry(row.id)


def retry(ident: str) -> WebhookEvent:
    """Apply a failed event again."""
    with transaction.atomic():
        row = WebhookEvent.objects.select_for_update().get(id=ident)
        if row.state != State.FAILED:
            return row
        row.attempts += 1
        return _apply(row)


def _verified(body: bytes, signature: str) -> dict[str, Any]:
    text = body.decode(errors="replace")
    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        try:
            stripe.WebhookSignature.verify_header(text, signature, secret, TOLERANCE)
            event = json.loads(text)
            if "\0" in event["id"] + str(_facts(event)):
                raise BadSignature
            return dict(event)
        except stripe.SignatureVerificationError:
            continue
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError) as e:
            raise BadSignature from e
    raise BadSignature


def _facts(event: dict[str, Any]) -> dict[str, Any]:
    """The stored fields of an event. Its subject is the id of the object or, for refunds and disputes, of the
    payment."""
    about = event["data"]["object"]
    of_payment = about["object"] in ("charge", "refund", "dispute")
    return {
        "type": event["type"],
        "subject": (about.get("payment_intent") if of_payment else about.get("id")) or "",
        "customer": about.get("customer") or "",
        "created_at": datetime.fromtimestamp(event["created"], UTC),
        "state": State.FAILED,
    }


def _apply(row: WebhookEvent) -> WebhookEvent:
    act = next((act for start, act in ACTS.items() if row.type.startswith(start)), None)
    row.error = ""
    try:
        with transaction.atomic():
            row.state = State.APPLIED if act and row.subject and act(row) else State.IGNORED
    except NotFound:  # the object was deleted at Stripe, or belongs to another application
        row.state = State.IGNORED
    except Exception as e:
        log.exception("%s was not applied", row)
        row.state, row.error = State.FAILED, f"{type(e).__name__}: {e}"[:1000]
    row.applied_at = None if row.state == State.FAILED else timezone.now()
    _strip(row)
    row.save()
    return row


def _strip(row: WebhookEvent) -> None:
    """Remove the customer's id from a finished event if no wallet has this customer."""
    customer = row.customer or (row.subject if row.subject.startswith("cus_") else "")
    if row.state != State.FAILED and not Wallet.objects.filter(stripe_customer=customer).exists():
        row.customer = ""
        row.subject = "" if row.subject == customer else row.subject


def _payment_failed(row: WebhookEvent) -> bool:
    if not sync.sync_customer(row.customer, invoices=[row.subject]):
        return False
    found = Invoice.objects.get(id=row.subject)
    owner = Subscription.objects.filter(id=found.subscription).first()
    wallet = Wallet.objects.filter(id=found.wallet).first()
    # No e-mail when it was paid meanwhile, nor for the first payment of a subscription.
    if found.status == "open" and owner and owner.grace_ends and wallet:
        emails.payment_failed(wallet, owner.grace_ends)
    return True


# Beginning of an event's type -> what to do; the first match counts. Other events are stored and ignored.
ACTS: dict[str, Callable[[WebhookEvent], bool]] = {
    "checkout.session.": lambda row: checkout.sync_session(row.subject),
    "customer.subscription.": lambda row: sync.sync_customer(row.customer, subscriptions=[row.subject]),
    "customer.deleted": lambda row: sync.customer_gone(row.subject),
    "invoice.payment_failed": _payment_failed,
    "invoice.created": lambda row: False,
    "invoice.deleted": lambda row: False,
    "invoice.upcoming": lambda row: False,
    "invoice.": lambda row: sync.sync_customer(row.customer, invoices=[row.subject]),
    "charge.refunded": lambda row: sync.sync_payment(row.subject),
    "charge.dispute.": lambda row: sync.sync_payment(row.subject),
    "refund.": lambda row: sync.sync_payment(row.subject),
}
