"""One's pictures in an archive, each with its recipe beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from rest_framework.utils.encoders import JSONEncoder

from accounts.models import Export
from accounts.vault.vault import store
from gallery.models import Item
from gallery.search import chosen
from gallery.serializers import show_item


def items(export: Export) -> Iterator[tuple[str, Iterable[bytes]]]:
    rows: Any = Item.objects.owned_by(export.user)
    if export.scope == Export.Scope.ITEMS:
        rows = chosen(export.user, export.chosen)
    files = store(export.user_id)
    for item in rows.iterator(chunk_size=200):
        if not files.exists(item.content):
            continue  # deleted while the archive is packed
        name = f"pictures/{item.created_at:%Y-%m-%d}-{str(item.id)[:8]}"
        yield f"{name}.{item.media_type.split('/')[-1]}", files.open_range(item.content)
        yield f"{name}.json", [json.dumps(show_item(item), cls=JSONEncoder, indent=1).encode()]
