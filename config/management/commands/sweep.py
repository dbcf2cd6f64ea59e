from typing import Any

from django.core.management.base import BaseCommand

from config.runs.sweeper import sweep


class Command(BaseCommand):
    help = "One round of the sweeper: queue lost runs again, and send new wake-ups for waiting runs."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{sweep()} rows touched")
