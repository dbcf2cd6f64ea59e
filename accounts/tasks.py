"""The tasks that pack archives, erase accounts and delete files that are not needed any more."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from celery import shared_task
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from accounts import archive, erasure
from accounts.developers import services as keys
from accounts.developers import webhooks
from accounts.models import Erasure, Export
from accounts.vault import orphans
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


@shared_task(name="accounts.tidy")
def tidy() -> int:
    """Delete archives, sessions, API keys, deliveries and request counts whose time is over; returns how many
    archives."""
    now = timezone.now()
    keys.forget_ended()
    webhooks.forget_old()
    Session.objects.filter(expire_date__lt=now).delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_cache WHERE expires < %s", [now])
    unfinished = Q(expires_at=None, finished_at__lt=now - Export.KEPT)
    old = list(Export.objects.filter(Q(expires_at__lt=now) | unfinished))
    for each in old:
        store(each.user_id).delete(each.file)
        each.delete()
    return len(old)


@shared_task(name="accounts.orphans")
def sweep_orphans() -> int:
    """Delete files that no row names; returns how many."""
    return orphans.sweep()


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
