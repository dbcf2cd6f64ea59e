"""The audit log: who did what, for good."""

from __future__ import annotations

from typing import Any

from moderation.models import AuditEntry


def record(actor: Any, verb: str, row: Any, detail: str = "") -> None:
    """One entry about `row`, which is named by its model and id because it may go while the entry stays."""
    AuditEntry.objects.create(
        actor=actor,
        verb=verb[:40],
        subject_kind=str(row._meta.model_name)[:20],
        subject_id=str(row.pk)[:40],
        detail=detail[:200],
    )
