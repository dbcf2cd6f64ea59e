"""Albums as a user looks for them: by a part of the name, with their sizes and covers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, OuterRef, Q, Subquery

from gallery.models import Album, AlbumItem


def albums(user: Any, q: str = "") -> Any:
    """The user's albums whose name contains `q`."""
    rows = Album.objects.owned_by(user)
    return rows.filter(name__icontains=q.strip()) if q.strip() else rows


def with_covers(rows: Any) -> Any:
    """With `cover`, the id of the picture that was added last."""
    inside = AlbumItem.objects.filter(album=OuterRef("pk"), item__locked=False, item__hidden=False)
    return rows.annotate(cover=Subquery(inside.order_by("-added_at").values("item")[:1]))


def sizes(found: Sequence[Album]) -> dict[Any, int]:
    """The number of pictures in each of these albums.

    Those that are out of sight are counted apart and taken off: they are few, and all others are counted in
    the index alone.
    """
    inside = AlbumItem.objects.filter(album__in=found).order_by().values_list("album")
    unseen = inside.filter(Q(item__locked=True) | Q(item__hidden=True))
    off = dict(unseen.annotate(n=Count("id")))
    return {album: n - off.get(album, 0) for album, n in inside.annotate(n=Count("id"))}
