"""Keeps ratings."""

from __future__ import annotations

from typing import Any

from gallery.models import Item
from gallery.ratings.models import Rating


def rating_of(item: Item) -> Rating | None:
    return Rating.objects.owned_by(item.user_id).filter(item=item.id).first()


def rate(item: Item, **said: Any) -> Rating | None:
    """Changes the fields in `said` (stars, reasons, words). One that says nothing any more is deleted, and
    the answer is None."""
    made_by = {"user": item.user, "kind": item.kind, "engine": item.engine, "style": item.style}
    row, _new = Rating.objects.update_or_create(
        item=item.id, defaults=said, create_defaults={**made_by, **said}
    )
    if not any((row.likeness, row.prompt, row.quality, row.reasons, row.words)):
        row.delete()
        return None
    return row
