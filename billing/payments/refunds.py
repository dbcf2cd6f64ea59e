"""Refunds and disputes: the same share of the credits is taken back as of the payment."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from billing import ledger
from billing.models import Invoice

# States of a dispute in which the money is still ours.
KEPT = ("won", "warning_needs_response", "warning_under_review", "warning_closed", "prevented")


def apply(payment: str, charges: list[dict[str, Any]], disputes: list[dict[str, Any]]) -> bool:
    """Record refunds and disputes of a payment intent; False when it paid none of our invoices."""
    row = Invoice.objects.select_for_update(of=("self",)).filter(payment=payment).first()
    if row is None:
        return False
    row.refunded = sum(c["amount_refunded"] for c in charges)
    row.disputed = sum(d["amount"] for d in disputes if d["status"] not in KEPT)
    take_share(row)
    row.save()
    return True


def take_share(row: Invoice) -> None:
    """Take or return credits until `row.taken` matches the refunded money. The caller saves the row.

    Credits of the invoice that have expired are not taken a second time.
    """
    change = _share(row) - row.taken
    if not change or row.lot is None:
        return
    row.taken, row.turns = row.taken + change, row.turns + 1
    cause = f"refund:{row.id}:{row.turns}"
    if change > 0:
        ledger.take_back(row.wallet, change, cause=cause, lot=row.lot)
    else:
        ledger.restore(row.wallet, -change, cause=cause, of=f"refund:{row.id}:")


def _share(row: Invoice) -> int:
    """How many of the invoice's credits must be taken back in all, in proportion to the money."""
    share = Fraction(min(row.paid, row.refunded + row.disputed), row.paid) if row.paid > 0 else Fraction(0)
    wanted = int(row.credits * share)
    if wanted <= row.taken or row.lot is None:
        return wanted
    expired = ledger.expired(row.wallet, given_for=f"invoice:{row.id}:")
    return max(row.taken, min(wanted, row.credits - expired))
