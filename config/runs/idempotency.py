"""Idempotency: a request that is sent twice creates one run. The run's row holds the client's key, under a
unique constraint."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.utils import timezone

from config.errors import DomainError, IdempotencyMismatch
from config.runs.models import kinds

KEPT = timedelta(days=7)

Kind = TypeVar("Kind", bound=Any)  # a Run, or another row with these four columns


def create_idempotent(
    run: Kind,
    *,
    endpoint: str,
    key: str | None,
    body_hash: str,
    prepare: Callable[[Kind], None],
    check: Callable[[], object] = lambda: None,
) -> Kind:
    """Create `run` at most once for (user, endpoint, key). `check()` runs first, outside the transaction, and
    may refuse. `prepare(run)` saves the run and its related rows in one transaction. Keys expire after KEPT.

    The same key and body returns the existing run in its current state; another body raises
    IdempotencyMismatch. A refusal raised by `prepare` is not remembered.
    """
    if key:
        run.endpoint, run.idempotency_key, run.body_hash = endpoint, key, body_hash
    earlier = _earlier(run)
    if earlier is None:
        check()
        try:
            with transaction.atomic():
                prepare(run)
            return run
        except (IntegrityError, DomainError):
            # Two requests at once: the second waits for the first insert, then violates the constraint.
            earlier = _earlier(run)
            if earlier is None:
                raise
    if earlier.body_hash != body_hash:
        raise IdempotencyMismatch
    return earlier


def _earlier(run: Kind) -> Kind | None:
    if not run.idempotency_key:
        return None
    same = type(run).objects.filter(user=run.user, endpoint=run.endpoint, idempotency_key=run.idempotency_key)
    return same.first()


def forget() -> int:
    """Deletes expired keys; returns how many."""
    old = timezone.now() - KEPT
    return sum(
        kind.objects.filter(idempotency_key__isnull=False, created_at__lt=old).update(idempotency_key=None)
        for kind in kinds()
    )
