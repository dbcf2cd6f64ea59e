"""Deletes files that no row names. A killed process leaves such files, and so does a failed delete."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from accounts.models import User
from accounts.vault.storage import homes, storage_of
from config import registry
from config.errors import Unavailable
from config.runs import clock

log = logging.getLogger(__name__)

OLD = timedelta(days=1)  # a younger file may belong to a row that is not committed yet


def sweep(*, dry: bool = False) -> int:
    """Deletes these files, also those of unknown users; returns how many.

    If the storage is used with the wrong database, all users are unknown. So when more users are unknown than
    known, the files of unknown users stay, and the log says so.
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
    """Deletes one user's files that no row names. An error of the storage is logged, so that the sweep
    goes on with other users."""
    storage, gone = storage_of(user_id), 0
    try:
        # Listed before the rows are read: the files of a row that is written meanwhile are younger.
        old = set(storage.old_files(clock.now() - OLD))
        for known in registry.known_files if old else ():
            old.difference_update(known(user_id))
        for name in old:
            if not dry:
                storage.delete(name)
            gone += 1
    except Unavailable:
        log.exception("could not sweep all of %s", user_id)
    return gone
