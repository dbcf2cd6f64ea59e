"""Audit entries in a user's archive, and what remains of them after an erasure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.archive import json_list, row
from billing.models import Wallet
from config.registry import Member
from moderation.models import AuditEntry

CHAIN = ("place", "previous", "hash", "salt", "who", "whom")  # tells nothing about the user


def decisions(user: Any) -> Iterator[Member]:
    found = AuditEntry.objects.filter(Q(actor=user) | Q(subject_kind="user", subject_id=str(user.id)))
    told = (_told(user, entry) for entry in found.iterator(chunk_size=500))
    yield json_list(
        "account/decisions.json", told, _("What was decided about your account, and what you did as staff.")
    )


def _told(user: Any, entry: AuditEntry) -> dict[str, Any]:
    """One entry as a row. It names no actor other than the user."""
    return row(entry, without=CHAIN if entry.actor_id == user.id else ("actor", *CHAIN))


@transaction.atomic
def make_anonymous(user: Any) -> None:
    """Replaces the user in audit entries by the wallet's id. The erasure deletes the wallet, so the id then
    identifies nobody.

    Runs before billing deletes the wallet, and again at the end for entries added in between.
    """
    wallet = Wallet.objects.filter(user=user).values_list("id", flat=True).first()
    _keep_admin_log(user, wallet)
    AuditEntry.objects.filter(actor=user).update(actor=None, account=wallet, salt=None)
    about = AuditEntry.objects.filter(subject_id=str(user.id))
    about.update(subject_id=str(wallet or ""), salt=None)


def _keep_admin_log(user: Any, wallet: Any) -> None:
    """Copies the user's entries of the admin log into the audit log without the name, and deletes them."""
    log = LogEntry.objects.filter(user=user).select_related("content_type")
    AuditEntry.objects.bulk_create(
        AuditEntry(
            account=wallet,
            verb=f"admin_{entry.get_action_flag_display()}".lower()[:40],
            subject_kind=(entry.content_type.model if entry.content_type else "")[:20],
            subject_id=(entry.object_id or "")[:40],
            at=entry.action_time,
        )
        for entry in log
    )
    log.delete()
