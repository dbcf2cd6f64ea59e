from argparse import Namespace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.studio import service_of
from ml import fetch
from ml.errors import MLError
from ml.restore import weights


class Command(BaseCommand):
    help = (
        "Fetch what bases need from the hub (those of STUDIO_PROFILES that run here when none is named), or"
        " go on with it. "
        "Licences are shown and accepted once. The profile restore fetches a restorer of faces."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("profile", nargs="*")
        fetch.add_arguments(parser)
        parser.add_argument(
            "--restorer", action="append", choices=[*weights.KNOWN], help="of restore (GFPGANv1.4)"
        )
        parser.add_argument(
            "--sha256",
            action="append",
            default=[],
            metavar="NAME=HASH",
            help="of restore: the checksum of a restorer's file that we know none of",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        here = [name for name in settings.STUDIO_PROFILES if not service_of(name)]
        profiles = options["profile"] or here
        if not profiles:
            raise CommandError("All engines of this installation run at other companies: nothing to fetch.")
        if "restore" in profiles:
            self._restorers(options)
            profiles = [name for name in profiles if name != "restore"]
        if options["into"] and len(profiles) > 1:
            raise CommandError("A directory holds one base: name one base with --into.")
        for profile in profiles:
            # Where STUDIO_SOURCES names a directory, that is where workers will look.
            into = options["into"] or settings.STUDIO_SOURCES.get(profile)
            asked = Namespace(**{**options, "into": Path(into) if into else None})
            try:
                fetch.run(profile, asked, self.stdout.write)
            except MLError as e:
                raise CommandError(f"{e.code}: {e.message}") from None
            except OSError as e:
                raise CommandError(f"unreadable_path: {e.strerror or e}: {e.filename}.") from None

    def _restorers(self, options: Any) -> None:
        accepted = options["accept_licence"]
        try:
            weights.fetch(
                Path(options["into"] or settings.RESTORERS),
                tuple(options["restorer"] or ["GFPGANv1.4"]),
                stated=dict(pair.partition("=")[::2] for pair in options["sha256"]),
                accept=(lambda question: True) if accepted else fetch.ask,
                tell=self.stdout.write,
            )
        except MLError as e:
            raise CommandError(f"{e.code}: {e.message}") from None
