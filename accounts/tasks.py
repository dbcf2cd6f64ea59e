"""The tasks that pack archives, erase accounts and delete files that are not needed any more."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from celery import shared_task
from django.utils import timezone

from accounts import archive, erasure, retaining
from accounts.models import Erasure, Export
from accounts.vault.vault import store
from accounts.zones import seen_from
from config.registry import Member
from config.runs.worker import claimed
from ml.errors import Stopped

log = logging.getLogger(__name__)


@shared_task(name=Export.task)
def export(ident: str) -> None:
    with claimed(Export, ident) as run:
        if run is None:
            return
        files = store(run.user_id)
        with seen_from(run.user.zone):  # a ZIP holds local times
            files.write_stream(run.file, archive.zipped(watched(run, archive.members(run))))
        run.finish(size=files.size(run.file), expires_at=timezone.now() + Export.KEPT)


def watched(run: Export, found: Iterator[Member]) -> Iterator[Member]:
    for n, member in enumerate(found, 1):
        if run.progress("packing", 1 - 1 / n):
            raise Stopped
        yield member


@shared_task(name="accounts.retain")
def retain() -> int:
    """Deletes whatever is past its time (retention.py); returns how much."""
    return sum(retaining.run_due().values())


@shared_task(name="accounts.erase")
def erase(ident: str) -> None:
    """Do what is left of one erasure."""
    found = Erasure.objects.filter(id=ident).first()
    if found:
        erasure.finish(found)


@shared_task(name="accounts.erasures")
def erasures() -> int:
    """Go on with unfinished erasures, after a crash or an unavailable service; returns how many."""
    found = list(erasure.unfinished()[:100])
    for each in found:
        try:
            erasure.finish(each)
        except Exception:  # an erasure that fails must not stop the others
            log.exception("%s is not finished", each)
    return len(found)
