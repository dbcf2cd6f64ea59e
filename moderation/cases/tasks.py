"""The one task of cases."""

from __future__ import annotations

from celery import shared_task

from moderation.cases import watching


@shared_task(name="moderation.watch_cases")
def watch_cases() -> None:
    watching.watch()
