"""Wraps every user's key with the first of VAULT_MASTER_KEYS, so that another master key can be removed.

Files are not touched. It may be stopped, run again, and run beside the product.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.vault import vault
from accounts.vault.sealing import Tampered


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        current = vault.master_keys().current
        try:
            done = vault.rewrap_keys()
        except Tampered as error:
            raise CommandError(
                f"A key cannot be opened: {error}. Put the master key that wrapped it back into"
                " VAULT_MASTER_KEYS, behind the first, and run this again."
            ) from None
        others = {name: count for name, count in vault.keys_by_master().items() if name != current}
        self.stdout.write(f"{done} keys are wrapped anew by the master key “{current}”.")
        if others:
            raise CommandError(
                f"Meanwhile a process that still has the former settings made keys: {others}."
                " Start all processes again, then run this again."
            )
        self.stdout.write("No key needs another master key.")
