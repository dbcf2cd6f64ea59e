from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.payments import catalogue
from config.errors import DomainError


class Command(BaseCommand):
    help = (
        "Make Stripe's products, prices and portal match our plans and packs. Needs STRIPE_SECRET_KEYS;"
        " run it after every change of a price."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change, and change nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            said = catalogue.synchronise(dry_run=options["dry_run"])
        except DomainError as error:
            raise CommandError(error.detail) from error
        for sentence in said:
            self.stdout.write(sentence)
        self.stdout.write(f"{len(said)} changes." if said else "Stripe's catalogue is ours already.")
