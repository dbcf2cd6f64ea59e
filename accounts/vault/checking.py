"""Opens sealed files that rows name: proof that the keys are right and the files whole."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from accounts.models import DataKey
from accounts.vault.sealing import Tampered
from accounts.vault.vault import store
from config import registry


def check(*, every: bool = False) -> tuple[int, list[str]]:
    """(how many opened, which did not and why). Without `every` it ends at the first file that is there."""
    opened, wrong = 0, []
    for user_id, name in _named():
        try:
            store(user_id).read(name)
            opened += 1
        except FileNotFoundError:
            wrong.append(f"missing: {user_id} {name}")
            continue
        except Tampered:
            wrong.append(f"damaged, or sealed with another key: {user_id} {name}")
        if not every:
            break
    return opened, wrong


def _named() -> Iterator[tuple[UUID, str]]:
    for user_id in DataKey.objects.values_list("user_id", flat=True).iterator():
        for name in sorted({name for known in registry.known_files for name in known(user_id)}):
            yield user_id, name
