"""The erasure of an account, as far as billing is concerned."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from billing import ledger
from billing.models import Wallet
from billing.payments import checkout, subscriptions, sync
from billing.payments.erasure import delete_customer


def erase(user: Any) -> None:
    """End subscriptions, delete the customer at Stripe and release holds; nothing can be bought afterwards.

    The user must be inactive and their runs stopped. The caller deletes the wallet's row together with the
    user's. The ledger, invoices and subscriptions stay: they hold the wallet's id, which then belongs to no
    user, and no name, address or e-mail.

    Safe to repeat after a crash at any point. Raises Unavailable while Stripe does not answer.
    """
    while customer := _close(user):
        delete_customer(customer)
        sync.customer_gone(customer)


@transaction.atomic
def _close(user: Any) -> str | None:
    """Close the wallet and return None; or return the customer who must be deleted at Stripe first."""
    checkout.lock_purchases(user)
    wallet = Wallet.objects.filter(user=user).first()
    if wallet is None or wallet.stripe_customer:
        return wallet and wallet.stripe_customer
    ledger.release_all(wallet)
    subscriptions.end_all(wallet)
    return None
