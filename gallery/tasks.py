"""What time does to pictures."""

from __future__ import annotations

from celery import shared_task

from billing import limits
from billing.models import Wallet
from gallery.models import Item


@shared_task(name="gallery.retire")
def retire() -> int:
    """Delete what is older than its owner's plan keeps it; how many pictures."""
    gone = 0
    for wallet in Wallet.objects.filter(plan__retention_days__gt=0).select_related("plan").iterator():
        if since := limits.kept_since(wallet):
            gone += Item.objects.filter(user=wallet.user_id, created_at__lt=since).remove()
    return gone
