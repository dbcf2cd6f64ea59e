"""Pictures that look alike: the same one at another size, saved again or with a little more light.

They are found by their perceptual hashes when a person looks at the page. Nothing is merged by itself: the
person marks which go into the archive, or says that they are different, and then this group is not shown
again until another picture joins it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.vault.vault import store
from config.errors import Invalid, NotFound
from gallery.models import Item
from gallery.services import SIGN, look_of
from gallery.shelf import duplicates
from gallery.shelf.models import BulkEdit
from ml import alike

GROUPS, OF_GROUP = 50, 20  # shown at once
MOST = 100  # pictures in one request
AT_ONCE = 200  # older pictures that are looked at in one round


def groups(user: Any) -> list[list[Item]]:
    """The newest groups of pictures that look alike, in each the oldest first: at most OF_GROUP of a group,
    without those below another one in a stack. Three queries, however many there are."""
    together = [sorted(rows) for rows in _together(user) if _to_decide(rows)]
    newest = sorted(together, key=lambda rows: rows[-1], reverse=True)[:GROUPS]
    chosen = [[row.id for row in rows[:OF_GROUP]] for rows in newest]
    items = _shown(user).in_bulk([ident for idents in chosen for ident in idents])
    found = [[items[ident] for ident in idents if ident in items] for idents in chosen]
    return [group for group in found if len(group) > 1]


class Row(NamedTuple):
    created_at: datetime
    id: UUID
    hash: int
    etag: str
    apart: bool


def _together(user: Any) -> Iterable[list[Row]]:
    """Reads the hashes alone from the index, and more only of those that look like others."""
    known = _shown(user).filter(hash__isnull=False).order_by("hash")
    hashes = np.fromiter(known.values_list("hash", flat=True), np.int64)
    parts = enumerate(alike.groups(hashes.view(np.uint64)))
    group_of = {value: n for n, part in parts for value in hashes[part].tolist()}
    found: dict[int, list[Row]] = defaultdict(list)
    for row in map(Row._make, known.filter(hash__in=list(group_of)).values_list(*Row._fields)):
        found[group_of[row.hash]].append(row)
    return found.values()


def _to_decide(rows: Sequence[Row]) -> bool:
    """Not for pictures that are all equal byte for byte: those are merged as duplicates."""
    return len({row.etag for row in rows}) > 1 and not all(row.apart for row in rows)


def _shown(user: Any) -> Any:
    return Item.objects.owned_by(user).filter(archived=False, keeper=None)


@transaction.atomic
def merge(keep: Item, others: Iterable[Any]) -> BulkEdit | None:
    """Merges these pictures into `keep`, as equal ones are. Raises Invalid without any, NotFound."""
    wanted = set(others) - {keep.id}
    if not wanted:
        raise Invalid(errors={"ids": [str(_("Mark the pictures that go into the archive."))]})
    rows = Item.objects.owned_by(keep.user).filter(id__in={*wanted, keep.id})
    if rows.count() <= len(wanted):
        raise NotFound
    return duplicates.merge_into(keep, rows)


def keep_apart(user: Any, idents: Iterable[Any]) -> int:
    """These are different pictures: they are not shown as a group again. Returns their number."""
    return int(Item.objects.owned_by(user).filter(id__in=list(idents)).update(apart=True))


def look_at_some() -> int:
    """Computes the hashes of older pictures, which have none. Returns how many were looked at."""
    rows = Item.objects.filter(hash=None).exclude(kind=Item.Kind.VIDEO).order_by("id")[:AT_ONCE]
    for item in rows:
        Item.objects.filter(id=item.id).update(hash=_look(item))
    return len(rows)


def _look(item: Item) -> int:
    try:
        return look_of(store(item.user_id).read(item.thumbnail))
    except Exception:  # gone or damaged: a value that is like no other, so that it is not tried for ever
        return int.from_bytes(item.id.bytes[:8]) - SIGN
