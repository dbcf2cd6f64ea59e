"""Runs the checks by the clock and keeps their results, also those that an operator started."""

from __future__ import annotations

from django.utils import timezone

from billing import audit as ledger
from config import registry
from moderation import audit
from support.metrics.models import Check


def keep(name: str, problems: int) -> None:
    Check.objects.update_or_create(name=name, defaults={"at": timezone.now(), "problems": problems})


def run() -> int:
    """Returns how many problems were found."""
    found = {"ledger": len(ledger.problems()), "audit": len(list(audit.problems()))}
    for name, problems in found.items():
        registry.tell_checked(name, problems)
    return sum(found.values())
