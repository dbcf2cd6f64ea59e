"""Marks "not me", and one free retraining of each twin."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from config.runs.idempotency import create_idempotent
from config.runs.states import OPEN, Status
from twins import services
from twins.models import TRIED, Training, Twin
from twins.proof import subjects
from twins.redo.advice import Advice, advise
from twins.redo.models import Mark, Redo

WITHIN = timedelta(days=7)  # after a picture was made
CAUSE = "redo"  # of the free training, in `retry_cause`


class RedoNotOffered(DomainError):
    code, status = "redo_not_offered", 409
    message = _(
        "A free retraining needs pictures of this twin that you marked as not showing you, within %(days)s"
        " days. Mark them first."
    )

    def __init__(self) -> None:
        super().__init__(days=WITHIN.days)


class RedoUsed(DomainError):
    code, status = "redo_used", 409
    message = _(
        "The free retraining of this twin was used already. You can train it again at the usual price."
    )


def mark(twin: Twin, *, training: Any, item: Any, made_at: datetime) -> Mark:
    """Remembers that a picture of a twin does not show its person. Marked twice, it counts once."""
    fresh = timezone.now() - made_at <= WITHIN
    known = twin.trainings.filter(id=training).first() if training else None
    facts = {"user": twin.user, "twin": twin, "training": known, "in_time": fresh}
    return Mark.objects.get_or_create(item=item, defaults=facts)[0]


def unmark(user: Any, item: Any) -> None:
    Mark.objects.owned_by(user).filter(item=item).delete()


@dataclass(frozen=True)
class Offer:
    """`marks`: the pictures of the version in use that count. `training`: that version."""

    marks: int
    used: bool
    advice: tuple[Advice, ...]
    training: Training | None

    @property
    def offered(self) -> bool:
        return self.marks > 0 and not self.used


def offer(twin: Twin) -> Offer:
    """Whether the twin's version in use may be trained again for nothing, and what to change before."""
    version = twin.active_training
    marks = Mark.objects.filter(twin=twin, training=version, in_time=True).count() if version else 0
    redo = Redo.objects.filter(twin=twin).select_related("retraining").first()
    used = redo is not None and _is_spent(redo)
    return Offer(marks, used, tuple(advise(list(twin.photos.accepted()))), version)


def _is_spent(redo: Redo) -> bool:
    """A retraining that failed on our side, or was cancelled before it began, can be had again."""
    run = redo.retraining
    if run is None or run.status in (*OPEN, Status.SUCCEEDED):
        return True
    return run.attempt > 0 if run.status == Status.CANCELLED else run.error_code in TRIED


def retrain(twin: Twin, *, key: str | None = None, body_hash: str = "") -> Training:
    """Trains the twin again on its photos of now, on the same engine, for nothing.

    Raises RedoNotOffered, RedoUsed, and as start_training but for its price.
    """
    version = twin.active_training
    training = Training(
        user=twin.user,
        twin=twin,
        base=version.base if version else "",
        threads=settings.STUDIO_THREADS,
        seed=secrets.randbelow(2**31),
        retry_of=version.id if version else None,
        retry_cause=CAUSE,
    )
    return create_idempotent(
        training,
        endpoint=f"redo:{twin.id}",
        key=key,
        body_hash=body_hash,
        prepare=_begin,
        check=lambda: subjects.require_consent(twin),
    )


def _begin(training: Training) -> None:
    """In the transaction that creates the training: the twin is locked, so of two requests one gets it."""
    twin = services.locked_twin(training.twin_id)
    found = offer(twin)
    if found.used:
        raise RedoUsed
    if not found.offered or found.training is None or found.training.id != training.retry_of:
        raise RedoNotOffered
    services.prepare_training(training)
    facts = {
        "user": twin.user,
        "training": found.training,
        "retraining": training,
        "marks": found.marks,
        "advice": [each.code for each in found.advice],
    }
    Redo.objects.update_or_create(twin=twin, defaults=facts)
