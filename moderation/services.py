"""Writes the audit log."""

from __future__ import annotations

from typing import Any

from moderation.models import AuditEntry


def record(actor: Any, verb: str, row: Any, detail: str = "") -> None:
    """Adds an entry about `row`. It stores the model and id, because it must outlive the row."""
    AuditEntry.objects.create(
        actor=actor,
        verb=verb[:40],
        subject_kind=str(row._meta.model_name)[:20],
        subject_id=str(row.pk)[:40],
        detail=detail[:200],
    )
