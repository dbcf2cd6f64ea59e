from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import audit
from config import registry


class Command(BaseCommand):
    help = (
        "Check that the ledger adds up: every balance from its transfers, all accounts to zero, every hold"
        " ended once. Exit status 1 when it does not."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = audit.problems()
        registry.tell_checked("ledger", len(wrong))
        for sentence in wrong:
            self.stderr.write(sentence)
        if wrong:
            raise CommandError(f"{len(wrong)} things do not add up.")
        self.stdout.write("The ledger adds up.")
