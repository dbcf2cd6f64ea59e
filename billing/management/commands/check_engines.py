from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.engines import checking, offers
from ml.catalogue import Base


class Command(BaseCommand):
    help = (
        "Check every configured engine: its files and the memory it needs, or each key for its service, and"
        " what a training and a picture cost. Spends nothing without --spend. Exit status 1 when one does not"
        " work."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "profiles", nargs="*", help="the engines; all that are configured if none is named"
        )
        parser.add_argument(
            "--spend",
            type=float,
            metavar="DOLLARS",
            help="train a small twin of a drawn person at each service and paint one picture, if that costs"
            " at most so much by the price list",
        )

    def handle(self, *args: Any, profiles: list[str], spend: float | None, **options: Any) -> None:
        bases = [base for base in offers.configured() if not profiles or base.name in profiles]
        if unknown := set(profiles) - {base.name for base in bases}:
            raise CommandError(f"Not configured: {', '.join(sorted(unknown))}.")
        bad = [base.name for base in bases if not self.check(base)]
        if spend is not None and not bad:
            hosted = [base for base in bases if base.service and base.trains]
            bad = [base.name for base in hosted if not self.spend(base, spend)]
        if bad:
            raise CommandError(f"Not in order: {', '.join(bad)}.")

    def check(self, base: Base) -> bool:
        report = checking.check(base)
        self.stdout.write(f"{base.name}: {'not in order' if report.wrong else 'works'}")
        for fact in report.facts:
            self.stdout.write(f"    {fact}")
        for sentence in report.wrong:
            self.stderr.write(f"    {sentence}")
        return not report.wrong

    def spend(self, base: Base, dollars: float) -> bool:
        most = checking.most_spent(base)
        if most is None or most > dollars * 100:
            said = "an unknown sum" if most is None else f"up to ${most / 100:.2f}"
            self.stderr.write(
                f"{base.name}: this would cost {said}, more than ${dollars:.2f}. Nothing was done."
            )
            return False
        worked, said = checking.spend(base)
        self.stdout.write(said)
        self.stdout.write(f"{base.name}: at most ${most / 100:.2f} was spent, by the price list")
        return worked
