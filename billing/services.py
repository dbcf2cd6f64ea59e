"""What the erasure of an account asks of this app."""

from __future__ import annotations

from typing import Any

from billing.payments import checkout


def erase(user: Any) -> None:
    """Ends what is paid for, and Stripe forgets the customer.

    May be repeated; the wallet's row goes later.
    """
    checkout.forget(user)
