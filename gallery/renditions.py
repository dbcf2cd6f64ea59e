"""Serves the files of an item from its owner's vault."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from accounts.vault.vault import store
from config.web.files import serve
from gallery.models import Item


def serve_item(request: Any, item: Item, rendition: str, *, download: bool = False) -> HttpResponse:
    """Serves `content` (the full picture) or `thumbnail`. Callers check access first. Raises NotFound."""
    files = store(item.user_id)
    if rendition == "thumbnail":
        return serve(request, files, item.thumbnail, media_type="image/webp")
    suffix = item.media_type.rpartition("/")[2]
    name = f"photoflux-{str(item.id)[:8]}.{suffix}" if download else ""
    return serve(request, files, item.content, etag=item.etag, media_type=item.media_type, download=name)
