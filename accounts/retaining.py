"""Carries out the rules of retention.py that a task is for, and notes when and how much."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Export
from accounts.phones.models import PhoneCode
from accounts.privacy.models import PrivacyRequest, RetentionRun
from accounts.retention import DAY, Rule, carried_out, kept
from accounts.vault.vault import store
from config import registry

log = logging.getLogger(__name__)
SLACK = timedelta(minutes=10)  # a task of every hour never runs exactly an hour after the last


def run_due() -> dict[str, int]:
    """Carries out the rules whose turn it is; how many each deleted. One that fails stops no other."""
    now = timezone.now()
    last = dict(RetentionRun.objects.values_list("rule", "at"))
    return {rule.code: run(rule) for rule in carried_out() if is_due(rule, last.get(rule.code), now)}


def is_due(rule: Rule, last: datetime | None, now: datetime) -> bool:
    assert rule.every
    return last is None or last < now - rule.every + SLACK


def run(rule: Rule) -> int:
    """Carries out one rule; how many rows or files it deleted."""
    deleted, error = 0, ""
    for sweep in registry.retention[rule.code]:
        try:
            deleted += sweep()
        except Exception as e:  # a storage that does not answer, say: the next hour tries again
            log.exception("the rule “%s” was not carried out", rule.code)
            error = type(e).__name__
    note(rule, deleted, error)
    return deleted


def note(rule: Rule, deleted: int, error: str) -> None:
    now = timezone.now()
    facts: dict[str, Any] = {"at": now, "deleted": deleted, "error": error} | (
        {} if error else {"done_at": now}
    )
    made, new = RetentionRun.objects.get_or_create(rule=rule.code, defaults=facts | {"total": deleted})
    if not new:
        RetentionRun.objects.filter(rule=made.rule).update(**facts, total=F("total") + deleted)


# ---------------------------------------------------------------- the rules of this app


def archives() -> int:
    now = timezone.now()
    unfinished = Q(expires_at=None, finished_at__lt=now - Export.KEPT)
    old = list(Export.objects.filter(Q(expires_at__lt=now) | unfinished))
    for each in old:
        store(each.user_id).delete(each.file)
        each.delete()
    return len(old)


def sessions() -> int:
    """Also what is kept of where somebody was logged in, once that session is gone."""
    now = timezone.now()
    gone = Session.objects.filter(expire_date__lt=now).delete()[0]
    ended = UserSession.objects.filter(last_seen_at__lt=now - DAY)
    ended.exclude(session_key__in=Session.objects.values("session_key")).delete()
    return gone


def counts() -> int:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_cache WHERE expires < now()")
        return cursor.rowcount


def staff_log() -> int:
    return LogEntry.objects.filter(action_time__lt=timezone.now() - kept("staff_log")).delete()[0]


def requests() -> int:
    old = PrivacyRequest.objects.filter(asked_at__lt=timezone.now() - kept("requests"), proved_at=None)
    return old.delete()[0]


def codes() -> int:
    return PhoneCode.objects.filter(created_at__lt=timezone.now() - kept("codes")).delete()[0]


def answered_requests() -> int:
    old = PrivacyRequest.objects.filter(answered_at__lt=timezone.now() - kept("answered_requests"))
    return old.delete()[0]
