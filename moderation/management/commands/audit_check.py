"""Checks the audit log: `manage.py audit_check [--expect PLACE:HASH]`. Exits 1 when a row is broken."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import registry
from moderation import audit
from moderation.models import AuditEntry


class Command(BaseCommand):
    help = "Checks that no row of the audit log was changed or removed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--expect", metavar="PLACE:HASH", default="", help="the end of an earlier check")

    def handle(self, *args: Any, expect: str, **options: Any) -> None:
        found = list(audit.problems(_end(expect) if expect else None))
        if not expect:
            registry.tell_checked("audit", len(found))
        for sentence in found:
            self.stderr.write(sentence)
        if found:
            raise CommandError(f"The audit log is broken in {len(found)} rows (at most 100 are listed).")
        nameless = AuditEntry.objects.filter(salt=None).count()
        self.stdout.write(
            f"The audit log is whole: {AuditEntry.objects.count()} rows, {nameless} of them without a name "
            f"since an account was erased.\nKeep this elsewhere, for --expect the next time: {audit.end()}"
        )


def _end(text: str) -> audit.End:
    place, _colon, hashed = text.partition(":")
    if not place.isdecimal() or len(hashed) != 64:
        raise CommandError("--expect takes what an earlier check told, as PLACE:HASH.")
    return audit.End(int(place), hashed)
