"""Deletes restorations after the retention time of a plan, with the pictures that were sent.
Called by `accounts.retain`."""

from __future__ import annotations

from billing import limits
from billing.models import Wallet
from generation.restorations.models import Restoration


def retire() -> int:
    """Deletes restorations that are older than the owner's plan allows. Returns their number."""
    gone = 0
    for wallet in Wallet.objects.filter(plan__retention_days__gt=0).select_related("plan").iterator():
        if since := limits.kept_since(wallet):
            gone += Restoration.objects.filter(user=wallet.user_id, created_at__lt=since).remove()
    return gone
