"""Erases again the accounts that a restored backup brought back. Run it after restoring a backup."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from accounts import erasure


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Erased again: {erasure.replay()}")
