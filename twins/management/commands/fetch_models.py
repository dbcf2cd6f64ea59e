from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.studio import bases


class Command(BaseCommand):
    help = "What a base needs, what of it is here, and under which licence. Nothing is downloaded. Exit status 1 when something is missing."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("profile", nargs="?", help="one base; all of them when not given")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = [b for b in bases() if options["profile"] in (None, b.name)]
        if not rows:
            raise CommandError(
                f"There is no base called {options['profile']}. Choose one of: {', '.join(b.name for b in bases())}."
            )
        for base in rows:
            self.stdout.write(f"{base.name}: {base.licence}\n  {'here' if base.present else 'missing'}: {base.source}")
        if missing := [b.name for b in rows if not b.present and options["profile"]]:
            raise CommandError(
                f"{', '.join(missing)}: put the files there, or set STUDIO_SOURCES={missing[0]}=DIRECTORY."
            )
