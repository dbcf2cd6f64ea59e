"""`manage.py backup`: a backup of the database and the files."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import retention
from support.backups import services
from support.backups.archive import BackupError

KEYS = "The keys are in no backup: keep a copy of them elsewhere."


class Command(BaseCommand):
    help = (
        "Take a base backup of the database and a copy of the files into the folder BACKUPS, and remove what"
        " is too old. Exit status 1 when it cannot be done."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        days = retention.kept("backups").days
        parser.add_argument("--keep", type=int, default=days, metavar="DAYS", help=f"default: {days}")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["keep"] < 1:
            raise CommandError("--keep is a number of days from 1 on.")
        try:
            done = services.back_up(keep=timedelta(days=options["keep"]), dry=options["dry_run"])
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        for path in done.removed:
            self.stdout.write(f"Too old: {path}")
        if done.base:
            self.stdout.write(f"Base backup: {done.base.path}. Files copied: {done.copied}. {KEYS}")
