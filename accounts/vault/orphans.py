"""Deletes files that no row names: a killed writer left them, or a delete did not reach the storage."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from accounts.vault.storage import homes, storage_of
from config import registry
from config.errors import Unavailable

log = logging.getLogger(__name__)

OLD = timedelta(days=1)  # a younger one may belong to a row that is about to be written


def sweep(*, dry: bool = False) -> int:
    """Deletes them, also those of people who are gone; how many.

    With a database that is not the storage's, everybody would be gone. So when more people are unknown than
    known, the files of unknown people stay, and the log says so.
    """
    there = set(homes())
    known = set(User.objects.filter(id__in=there).values_list("id", flat=True))
    strangers = there - known
    if len(strangers) > len(known):
        log.error(
            "%s of %s people with files are unknown here: is this the storage's database?",
            len(strangers),
            len(there),
        )
        strangers = set()
    return sum(_sweep(user_id, dry) for user_id in known | strangers)


def _sweep(user_id: UUID, dry: bool) -> int:
    """One storage that does not answer keeps nobody else's from being swept."""
    storage, gone = storage_of(user_id), 0
    try:
        old = set(
            storage.old_files(timezone.now() - OLD)
        )  # before the rows are read: a row that comes now has younger files
        for known in registry.known_files if old else ():
            old.difference_update(known(user_id))
        for name in old:
            if not dry:
                storage.delete(name)
            gone += 1
    except Unavailable:
        log.exception("could not sweep all of %s", user_id)
    return gone
