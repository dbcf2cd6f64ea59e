"""`manage.py after_restore`: what comes between the restore of a backup and its first start."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from accounts.vault import checking

OTHER_KEYS = "No file opens: these are not the keys that sealed them. Give the copy of the right ones."


class Command(BaseCommand):
    help = (
        "Migrate, open a sealed file, erase again what was erased since the backup, check the ledger. Exit"
        " status 1 when one of these fails."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        opened, wrong = checking.check()
        if wrong and not opened and not wrong[-1].startswith("missing"):
            raise CommandError(OTHER_KEYS)
        call_command("replay_erasures")
        call_command("ledger_check")
