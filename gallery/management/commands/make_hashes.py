"""Makes the hashes of pictures that have none: `manage.py make_hashes`. It may be stopped and begun again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from gallery.moderated import make_missing

AT_ONCE = 200


class Command(BaseCommand):
    help = "Makes the hashes by which copies of a picture are found, for pictures that have none."

    def handle(self, *args: Any, **options: Any) -> None:
        total = 0
        while done := make_missing(AT_ONCE):
            total += done
            self.stdout.write(f"{total} pictures")
        self.stdout.write("Every picture has its hashes.")
