"""Files that no row speaks of: what a killed writer left behind, or a delete that did not reach the storage."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from accounts.shelves import homes, shelf_of
from config import registry

OLD = timedelta(days=1)  # a younger one may belong to a row that is about to be written


def sweep(*, dry: bool = False) -> int:
    """Delete them, of everybody and of nobody; how many."""
    return sum(_sweep(user_id, dry) for user_id in homes())


def _sweep(user_id: UUID, dry: bool) -> int:
    shelf = shelf_of(user_id)
    old = set(shelf.old_files(timezone.now() - OLD))  # before the rows are read: a row that comes now has younger files
    for known in registry.known_files if old else ():
        old.difference_update(known(user_id))
    for name in old if not dry else ():
        shelf.delete(name)
    return len(old)
