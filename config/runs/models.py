"""Run: the row of any background work. The database row holds the state; the broker only wakes workers.

worker.py: what a worker does with a run. sweeper.py: recovery after a lost worker. places.py: the position
in the queue.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from config import registry
from config.errors import AlreadyFinished
from config.querysets import OwnedQuerySet
from config.runs import clock, events
from config.runs.states import OPEN, Status
from config.runs.worker import WorkerSide

log = logging.getLogger(__name__)


class RunQuerySet(OwnedQuerySet):
    def open(self) -> Self:
        return self.filter(status__in=OPEN)

    def shown(self) -> Self:
        """The runs that the user sees in lists, in the event stream and in its snapshot."""
        return self.filter(shown=True)

    def for_clients(self) -> Self:
        """Loads with the runs what is told of them."""
        return self


class Run(WorkerSide, models.Model):
    """A subclass defines `task`, `queue` and `kind_name`, as constants or as properties of the row, and adds
    columns for the work's inputs and results."""

    if TYPE_CHECKING:  # not assigned, so that a subclass may define each as a property
        task: str
        queue: str
        kind_name: str
        waits_for: tuple[str, ...]  # codes of the DomainErrors that postpone it; others end it
        objects: ClassVar[Any]
    else:
        waits_for = ()

    by_turns: ClassVar[bool] = False  # whether users take turns in its queue; else first come, first served

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    shown = models.BooleanField(default=True, editable=False)  # see RunQuerySet.shown
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED, editable=False)
    stage = models.CharField(max_length=40, blank=True, editable=False)
    share = models.FloatField("progress", default=0.0, editable=False, db_column="progress")  # 0..1
    share_at_claim = models.FloatField(default=0.0, editable=False, db_column="progress_from")
    attempt = models.PositiveSmallIntegerField(default=0, editable=False)  # claims so far: the fencing token
    crashes = models.PositiveSmallIntegerField(default=0, editable=False)  # workers lost during this run
    lease_until = models.DateTimeField(null=True, editable=False)
    cancel_asked = models.BooleanField(default=False, editable=False)
    error_code = models.CharField(max_length=40, blank=True, editable=False)
    error_detail = models.TextField(blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    enqueued_at = models.DateTimeField(null=True, editable=False, db_column="rung_at")  # its last wake-up
    endpoint = models.CharField(max_length=80, blank=True, editable=False)
    idempotency_key = models.CharField(max_length=255, null=True, editable=False)
    body_hash = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    objects = RunQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints = (
            models.UniqueConstraint(
                fields=["user", "endpoint", "idempotency_key"], name="%(class)s_once_a_key"
            ),
        )
        indexes = (
            models.Index(
                fields=["status", "created_at"],
                name="%(class)s_open",
                condition=Q(status__in=["queued", "running"]),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind_name} {str(self.id)[:8]} ({self.status})"

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @classmethod
    def by_queue(cls) -> dict[str, Q]:
        """The queues of this model, each with the condition that finds its rows."""
        return {cls.queue: Q()}

    def enqueue(self) -> None:
        """Save the new row, and wake a worker once the transaction is committed."""
        self.created_at = self.enqueued_at = clock.now()
        self.save(force_insert=True)
        self.wake()

    def on_end(self) -> None:
        """Called inside the transaction in which the run ends, however it ends. A listener that fails is
        logged and changes nothing: work that is done does not fail because its owner could not be told."""
        for tell in registry.run_ended:
            try:
                with transaction.atomic():
                    tell(self)
            except Exception:
                log.exception("%s ended, and %s failed", self, tell)

    # ------------------------------------------------------------ the owner's side

    def cancel(self) -> None:
        """End a queued run at once, a running one at its next safe point. Raises AlreadyFinished."""
        rows = type(self).objects.filter(id=self.id)
        with transaction.atomic():
            now = rows.select_for_update(of=("self",)).first()
            if now is None or not now.is_open:
                raise AlreadyFinished
            if now.status == Status.QUEUED:
                self.stop()
            else:
                rows.update(cancel_asked=True, version=F("version") + 1)
                events.publish(self)
            self.refresh_from_db()

    def stop(self) -> None:
        """End the run at once, even a running one, because its inputs are deleted or may not be used any
        more. Its worker gets Lost."""
        self.end_at_once(*OPEN, status=Status.CANCELLED)

    def end_at_once(self, *among: Status, **end: Any) -> None:
        """End the run if its status is one of these, whether or not a worker has it."""
        rows = type(self).objects.filter(id=self.id, status__in=among)
        end |= {"finished_at": Now(), "lease_until": None, "version": F("version") + 1}
        with transaction.atomic():
            if rows.update(**end):
                self.refresh_from_db()
                self.on_end()
                events.publish(self)

    def eta_seconds(self) -> int | None:
        """Seconds left, estimated from the speed of this attempt."""
        done = self.share - self.share_at_claim
        if self.status != Status.RUNNING or not self.started_at or done < 0.02:
            return None
        gone = (timezone.now() - self.started_at).total_seconds()
        return max(1, round(gone * (1 - self.share) / done))


def kinds() -> Iterator[type[Run]]:
    """Every concrete subclass of Run, in all apps."""
    todo = list(Run.__subclasses__())
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        if not kind._meta.abstract:
            yield kind
