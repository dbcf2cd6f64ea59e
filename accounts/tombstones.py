"""Tombstones: a record of erased accounts, outside the database.

Restoring a backup brings erased accounts back. The tombstones say which accounts those are, and `manage.py
replay_erasures` erases them again; until then no process of the product starts. They are in the storage
named `tombstones`, which a restore must not replace.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import DatabaseError, connection
from django.utils import timezone

from accounts.models import Erasure, User
from accounts.vault.storage import storage_errors

log = logging.getLogger(__name__)

NOT_COMPARED = (
    "There are tombstones of erased accounts, and the database cannot say whether it holds them. "
    "Make it reachable and run `manage.py migrate` first."
)


def write(account: UUID, receipt: UUID | None = None) -> None:
    """Writes the tombstone of an account, once: its id, the number of the receipt and the time, nothing
    else."""
    storage = storages["tombstones"]
    with storage_errors():
        if not storage.exists(account.hex):
            facts = {"account": account, "receipt": receipt or "", "erased_at": timezone.now().isoformat()}
            text = json.dumps(facts, default=str)
            storage.save(account.hex, ContentFile(text.encode()))


def exists(account: UUID) -> bool:
    with storage_errors():
        return storages["tombstones"].exists(account.hex)


def account_of(receipt: UUID) -> UUID | None:
    """The erased account of a receipt. Reads one tombstone after the other; older ones name no receipt."""
    with storage_errors():
        for account in accounts():
            with storages["tombstones"].open(account.hex) as file:
                if json.load(file).get("receipt") == str(receipt):
                    return account
    return None


def accounts() -> Iterator[UUID]:
    with storage_errors(), suppress(FileNotFoundError):
        for name in storages["tombstones"].listdir("")[1]:
            with suppress(ValueError):
                yield UUID(hex=name)


def alive() -> list[UUID]:
    """Erased accounts that are in the database again, without those whose erasure is under way."""
    under_way = Erasure.objects.filter(account__isnull=False).values("account")
    found = User.objects.filter(id__in=list(accounts())).exclude(id__in=under_way)
    return list(found.values_list("id", flat=True))


def fault() -> str:
    """Why the product must not start on this database; "" when it may. Closes its database connection."""
    erased: list[UUID] = []
    try:
        erased = list(accounts())
        count = len(alive())
    except DatabaseError:  # not reachable, or not migrated
        log.warning("could not compare the tombstones with the database", exc_info=True)
        return NOT_COMPARED if erased else ""
    except Exception:  # whom the database brings back is unknown: it may be anybody
        log.exception("could not read the tombstones")
        return "The tombstones of erased accounts cannot be read. Make their storage readable first."
    finally:
        connection.close()
    if not count:
        return ""
    return (
        f"{count} erased accounts are in this database again, as after the restore of a backup. "
        "Run `manage.py replay_erasures` first."
    )


def refuse_start(**_signal: Any) -> None:
    """Stops a worker or beat that starts while `fault` gives a reason not to."""
    if sentence := fault():
        raise SystemExit(sentence)
