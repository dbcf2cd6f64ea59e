"""Deletes pictures after the retention time of a plan."""

from __future__ import annotations

from celery import shared_task

from billing import limits
from billing.models import Wallet
from gallery.models import Item
from gallery.sharing import copies
from gallery.shelf import bulk
from gallery.shelf.models import UNDO


@shared_task(name="gallery.retire")
def retire() -> int:
    """Deletes pictures that are older than the owner's plan allows. Returns their number.

    Also deletes the previous values of bulk edits that cannot be undone any more, and left-over copies of
    what is not public any more.
    """
    gone = 0
    for wallet in Wallet.objects.filter(plan__retention_days__gt=0).select_related("plan").iterator():
        if since := limits.kept_since(wallet):
            gone += Item.objects.filter(user=wallet.user_id, created_at__lt=since).remove()
    bulk.tidy(UNDO)
    copies.sweep()
    return gone
