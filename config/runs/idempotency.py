"""The same request twice is one run: the run's row holds the key that the client sent, under a unique
constraint."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from django.db import IntegrityError, transaction
from django.utils import timezone

from config.errors import DomainError, IdempotencyMismatch
from config.runs.models import Run, kinds

KEPT = timedelta(days=7)

Kind = TypeVar("Kind", bound=Run)


def create_idempotent(
    run: Kind,
    *,
    endpoint: str,
    key: str | None,
    body_hash: str,
    prepare: Callable[[Kind], None],
    check: Callable[[], object] = lambda: None,
) -> Kind:
    """Create `run` at most once for (user, endpoint, key). `check()` may refuse it, before and outside the
    transaction in which `prepare(run)` saves it and what belongs to it. A key is forgotten after KEPT.

    The same key and body answers the run that is there, as it now stands; another body raises
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
            # Of two at once, the second waited for the first one's insert and was refused by the constraint.
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
    """Keys past their time; how many."""
    old = timezone.now() - KEPT
    return sum(
        kind.objects.filter(idempotency_key__isnull=False, created_at__lt=old).update(idempotency_key=None)
        for kind in kinds()
    )
