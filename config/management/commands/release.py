"""Releases this version without a gap: docs/operations/release.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.start import checkout, env, haproxy
from config.start.release import START, STOP, ReleaseError, Site, release


class Command(BaseCommand):
    help = "Starts this version as the other colour behind HAProxy, gives it the requests, stops the old one."
    requires_system_checks = []  # the version's own checks are a step

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tree", nargs="?", type=Path, default=checkout.ROOT, help="of another version")
        parser.add_argument("--back", action="store_true", help="go back to the version before")
        parser.add_argument("--dry-run", action="store_true", help="tell the steps, and do nothing")
        parser.add_argument(
            "--folder", type=Path, default=Path("/opt/photoflux"), help="of the links blue and green"
        )
        parser.add_argument("--socket", type=Path, default=haproxy.SOCKET, help="of HAProxy's runtime API")
        parser.add_argument("--start", default=START, help="command that starts {part} of {colour}")
        parser.add_argument("--stop", default=STOP, help="command that stops it")
        parser.add_argument("--drain", type=float, default=60, help="seconds for the last answers")

    def handle(self, *args: Any, **options: Any) -> None:
        site = Site(
            folder=options["folder"],
            runtime=haproxy.Runtime(options["socket"]),
            var=checkout.var_folder(),
            port=env.number("PORT", 8000),
            start=options["start"],
            stop=options["stop"],
            drain=options["drain"],
        )
        tree = None if options["back"] else options["tree"]
        try:
            release(site, tree, self.stdout.write, dry=options["dry_run"])
        except ReleaseError as error:
            raise CommandError(str(error)) from error
