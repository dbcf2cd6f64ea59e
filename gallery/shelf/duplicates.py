"""Pictures that are there twice, byte for byte, and their merging, which is a bulk edit and is undone as one.

The picture that is kept gets the others' tags, albums and heart. The others go into the archive: nothing is
deleted, so an undo has everything.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Count, Max

from gallery.models import Album, Item
from gallery.shelf import bulk
from gallery.shelf.models import BulkEdit

GROUPS, OF_GROUP = 50, 20  # shown at once


def _shown(user: Any) -> Any:
    return Item.objects.owned_by(user).filter(archived=False)


def groups(user: Any) -> list[list[Item]]:
    """The newest groups of equal pictures, in each the oldest first. Two queries, however many there are."""
    twice = _shown(user).exclude(etag="").order_by().values("etag").annotate(n=Count("id"))
    newest = twice.filter(n__gt=1).annotate(last=Max("created_at")).order_by("-last", "etag")
    etags = [row["etag"] for row in newest[:GROUPS]]
    found: dict[str, list[Item]] = {etag: [] for etag in etags}
    for item in _shown(user).filter(etag__in=etags).order_by("created_at", "id"):
        found[item.etag].append(item)
    return [items[:OF_GROUP] for items in found.values()]


@transaction.atomic
def merge(keep: Item) -> BulkEdit | None:
    """Merges the equal pictures of its owner into `keep`, but none that is on top of a stack.

    None if there are none left. Raises Invalid when all their tags are too many.
    """
    if not keep.etag:
        return None
    return merge_into(keep, Item.objects.owned_by(keep.user).filter(etag=keep.etag))


def merge_into(keep: Item, rows: Any) -> BulkEdit | None:
    """Merges the pictures of `rows`, with `keep` among them. Needs a transaction."""
    same = bulk.locked_rows(rows)
    kept = [item for item in same if item.id == keep.id]
    tops = set(Item.objects.filter(keeper__in=same).values_list("keeper", flat=True))
    others = [item for item in same if item.id not in {keep.id, *tops} and not item.archived]
    if not kept or not others:
        return None
    albums = Album.objects.filter(user=keep.user, items__in=others).distinct()
    flags = {"archived": [True, bulk.set_flag(others, "archived", True)]}
    if any(item.favourite for item in others):
        flags["favourite"] = [True, bulk.set_flag(kept, "favourite", True)]
    before = {
        "flags": flags,
        "tags": bulk.retag(kept, sorted({tag for item in others for tag in item.tags}), []),
        "added": [pair for album in albums for pair in bulk.put(album, kept)],
    }
    return bulk.keep(keep.user, before)
