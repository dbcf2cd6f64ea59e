"""The tags that people type and choose."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import F, Func

from gallery.models import Item

COMMAS = re.compile("[,，、]")
RECENT = 2000  # of the newest items, whose tags are suggested
SUGGESTED = 40


def split_tags(text: str) -> list[str]:
    return [tag for tag in COMMAS.split(text) if tag.strip()]


def tags_of(user: Any) -> list[str]:
    """The tags of the user's newest items, to choose from. Their number bounds the cost."""
    newest = Item.objects.owned_by(user).order_by("-created_at", "-id").values("id")[:RECENT]
    each = Func(F("tags"), function="unnest")
    found = (
        Item.objects.filter(id__in=newest).annotate(tag=each).order_by("tag").values_list("tag", flat=True)
    )
    return list(found.distinct()[:SUGGESTED])
