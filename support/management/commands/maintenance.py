"""Plans a maintenance and announces it on every page; begins, ends or cancels it; without a verb, tells how
it stands. Times are written with their zone: 2026-12-01T22:00Z."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from config.errors import DomainError
from support.maintenance import now, services
from support.maintenance.models import Maintenance

VERBS = ("status", "plan", "begin", "end", "cancel")
SAID = {
    "plan": "Announced on every page: {row}. It begins by itself.",
    "begin": "Under way since now, and announced to end: {row}. End it with `manage.py maintenance end`.",
    "end": "Ended. Waiting work begins within 20 seconds.",
    "cancel": "Cancelled. Pages do not announce it any more.",
}


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("verb", nargs="?", choices=VERBS, default="status")
        parser.add_argument("--at", help="when it begins, with the zone")
        parser.add_argument("--minutes", type=int, help="how long it is to last (30)")
        parser.add_argument("--dry-run", action="store_true", help="tell what would be done, and do nothing")

    def handle(self, *args: Any, verb: str, dry_run: bool, **options: Any) -> None:
        try:
            with transaction.atomic():
                self._do(verb, **options)
                transaction.set_rollback(dry_run)
        except DomainError as error:
            raise CommandError(error.detail) from None
        finally:
            now.forget()
        if dry_run:
            self.stdout.write("This was a dry run: nothing was changed.")
        self._tell_work()

    def _do(self, verb: str, at: str | None, minutes: int | None, **options: Any) -> None:
        if verb == "status":
            return self.stdout.write(_state(Maintenance.objects.open().first()))
        if verb == "plan" and not at:
            raise CommandError("Say when: --at 2026-12-01T22:00Z")
        row = _done(verb, at or "", _lasting(minutes))
        return self.stdout.write(SAID[verb].format(row=row))

    def _tell_work(self) -> None:
        counts = services.under_way()
        self.stdout.write(f"{counts['running']} runs work and {counts['queued']} wait.")


def _lasting(minutes: int | None) -> timedelta | None:
    if minutes is not None and not 0 < minutes <= 24 * 60:
        raise services.WrongTimes
    return timedelta(minutes=minutes) if minutes else None


def _done(verb: str, at: str, lasting: timedelta | None) -> Maintenance:
    if verb == "plan":
        start = services.parse(at)
        return services.plan(start, start + (lasting or timedelta(minutes=30)))
    return (
        services.begin(lasting)
        if verb == "begin"
        else {"end": services.end, "cancel": services.cancel}[verb]()
    )


def _state(row: Maintenance | None) -> str:
    if row is None:
        return "No maintenance is planned."
    return f"Under way: {row}" if row.is_on else f"Planned and announced: {row}"
