"""Proves that an erased account is gone: no key, no row that names it, no file, and a tombstone.

Takes the user's id or the number of the receipt. Ends with status 1 and a list when anything is left.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import erase_check


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("account", metavar="USER_ID|RECEIPT")

    def handle(self, *args: Any, **options: Any) -> None:
        account = erase_check.account_of(options["account"])
        if account is None:
            raise CommandError("This is neither a user's id nor a receipt whose tombstone is here.")
        if found := erase_check.problems(account):
            raise CommandError("\n".join([f"{account} is not erased:", *found]))
        self.stdout.write(
            f"{account} is erased: no key, no row that names it, no file; there is a tombstone."
        )
