"""Deletes pictures after the retention time of a plan. Called by `accounts.retain`."""

from __future__ import annotations

from billing import limits
from billing.models import Wallet
from gallery.models import Item


def retire() -> int:
    """Deletes pictures that are older than the owner's plan allows. Returns their number."""
    gone = 0
    for wallet in Wallet.objects.filter(plan__retention_days__gt=0).select_related("plan").iterator():
        if since := limits.kept_since(wallet):
            gone += Item.objects.filter(user=wallet.user_id, created_at__lt=since).remove()
    return gone
