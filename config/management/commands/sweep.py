from typing import Any

from django.core.management.base import BaseCommand

from config.runs.sweeper import sweep


class Command(BaseCommand):
    help = "One round of the sweeper: queue again what lost its worker, and enqueue again what nobody took."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{sweep()} rows touched")
