"""The tasks of cases."""

from __future__ import annotations

from celery import shared_task

from moderation.cases import deciding, watching
from moderation.cases.models import Case


@shared_task(name="moderation.watch_cases")
def watch_cases() -> None:
    watching.watch()


@shared_task(name=deciding.FIND)
def find_copies(ident: str) -> None:
    """Of a removal. watch_cases finds them too, if this wake-up is lost."""
    for case in Case.objects.to_match().filter(id=ident):
        watching.find_copies_of(case)
