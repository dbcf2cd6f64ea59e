"""Writes notices and marks them as read. digests.py and push.py send them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.notices import preferences
from accounts.notices.kinds import kinds
from accounts.notices.models import Notice, NoticeQuerySet
from accounts.notices.tasks import PUSH
from config.runs import broker, events

GATHER = timedelta(minutes=2)  # an e-mail waits so long for what else happens


@transaction.atomic
def notify(user: Any, kind: str, about: models.Model, **facts: Any) -> Notice:
    """Tells `user` what happened to the row `about`, in the caller's transaction. `facts` hold numbers, codes
    and ids for the kind's sentences, never what a user typed."""
    topic, now = kinds[kind].topic, timezone.now()
    mailed = kinds[kind].mailed and preferences.wants(user, topic, preferences.EMAIL)
    notice = Notice.objects.create(
        user=user,
        kind=kind,
        subject_kind=about._meta.label_lower,
        subject_id=about.pk,
        facts=facts,
        created_at=now,
        mail_at=now + GATHER if mailed else None,
        push_at=now if _has_push(user, topic) else None,
    )
    events.publish_live(user.pk)
    if notice.push_at:  # a lost wake-up costs half a minute: the task accounts.notices looks for more
        ident = notice.id
        transaction.on_commit(lambda: broker.enqueue(PUSH, ident, "io"), robust=True)
    return notice


def _has_push(user: Any, topic: str) -> bool:
    return preferences.wants(user, topic, preferences.PUSH) and user.push_subscriptions.exists()


def notices_of(user: Any) -> NoticeQuerySet:
    """Those that this version has sentences for: all, unless a newer version was taken back."""
    return Notice.objects.owned_by(user).filter(kind__in=kinds)


def unread(user: Any) -> int:
    return notices_of(user).unread().count()


def mark_read(user: Any, *, ids: Iterable[Any] = (), about: Iterable[Any] = (), all: bool = False) -> int:
    """Marks notices as read: these, those about these rows, or all. Returns how many the user has still
    unread."""
    chosen = Q() if all else Q(id__in=list(ids)) | Q(subject_id__in=list(about))
    with transaction.atomic():
        if Notice.objects.owned_by(user).unread().filter(chosen).update(read_at=timezone.now()):
            events.publish_live(user.pk)
        return unread(user)
