"""Deleting a customer at Stripe."""

from __future__ import annotations

import contextlib
import logging

from billing.payments import gateway, sync
from billing.payments.catalogue import NotUnderstood
from config.errors import NotFound

log = logging.getLogger(__name__)


def delete_customer(customer: str) -> None:
    """Close open Checkout sessions, record payments and delete the customer, which ends all subscriptions.

    Safe to repeat. Raises Unavailable while Stripe does not answer. Without keys it only logs the customer.
    """
    if not gateway.configured():
        log.error("No keys of Stripe: delete the customer %s there by hand.", customer)
        return
    with contextlib.suppress(NotFound):
        if gateway.call(lambda v1: v1.customers.retrieve(customer)).get("deleted"):
            return  # an earlier try deleted the customer
        _close_sessions(customer)
        _record_payments(customer)
        gateway.call(lambda v1: v1.customers.delete(customer))


def _close_sessions(customer: str) -> None:
    open_ = gateway.pages(
        lambda v1, params: v1.checkout.sessions.list({"customer": customer, "status": "open", **params})
    )
    for session in open_:
        with contextlib.suppress(NotFound):
            gateway.call(lambda v1, ident=session["id"]: v1.checkout.sessions.expire(ident))


def _record_payments(customer: str) -> None:
    try:
        sync.sync_everything(customer)
    except NotUnderstood:  # must not stop the erasure; staff see the failed events
        log.exception("not all payments of %s were recorded", customer)
