from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.payments import reconcile
from config.errors import DomainError


class Command(BaseCommand):
    help = (
        "Compare Stripe's objects with ours for everybody who ever paid, and apply the changes that lost"
        " events would have brought."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="say what differs, and change nothing. Exit status 1 when something does",
        )
        parser.add_argument("--user", help="of this e-mail address alone")

    def handle(self, *args: Any, **options: Any) -> None:
        said = 0
        try:
            for sentence in reconcile.everybody(email=options["user"], dry_run=options["dry_run"]):
                said += 1
                self.stdout.write(sentence)
        except DomainError as error:
            raise CommandError(error.detail) from error
        if said and options["dry_run"]:
            raise CommandError(f"{said} things differ.")
        self.stdout.write(f"{said} things were repaired." if said else "Nothing differs.")
