"""What billing does when an account is erased.

The ledger, invoices and subscriptions stay. They carry the wallet's id, which leads to nobody once the
wallet is deleted, and hold no name, address or e-mail. Stripe deletes the customer and keeps invoices as
the law asks.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from billing import ledger
from billing.models import Wallet
from billing.payments import checkout, subscriptions, sync
from billing.payments.erasure import delete_customer
from config.errors import NotFound


def erase(user: Any) -> None:
    """End subscriptions, delete the customer at Stripe, release holds and delete the wallet.

    Stop the user's runs first: what they hold is released here. Safe to repeat after a crash at any point.
    Raises Unavailable while Stripe does not answer; the wallet is then still there.
    """
    while wallet := Wallet.objects.filter(user=user).first():
        if wallet.stripe_customer:
            delete_customer(wallet.stripe_customer)
        _sever(user, wallet.stripe_customer)


@transaction.atomic
def _sever(user: Any, customer: str | None) -> None:
    """Delete the wallet, unless a purchase created another customer meanwhile, who must be deleted first."""
    try:
        wallet = checkout.lock_purchases(user)
    except NotFound:  # another worker was faster
        return
    if customer:
        sync.advisory_lock(customer)  # an event that is being applied ends first
        sync.forget_events(customer)
    if wallet.stripe_customer in (None, customer):
        ledger.release_all(wallet)
        subscriptions.end_all(wallet)
        wallet.delete()
