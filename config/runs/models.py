"""Run: the row of any background work. The row is the truth; the broker is only a bell.

A claim turns QUEUED into RUNNING for one worker, raises `attempt` and gives a lease of LEASE. Everything that worker writes
afterwards matches (id, RUNNING, attempt): when its lease was lost and another took over, it changes nothing and learns so by
`Lost`. Whatever is queued and unheard is rung again, whatever lost its lease is queued again, by `sweep`.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from bisect import bisect_left
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.errors import AlreadyFinished, DomainError
from config.querysets import OwnedQuerySet
from config.runs import events
from config.runs.broker import enqueue
from ml.errors import DeviceLost, MLError, Stopped

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
BEAT = 10.0  # seconds between two signs of life
ATTEMPTS = 3  # a run that lost its worker this often has failed
RING_AGAIN = timedelta(seconds=20)  # a queued run that nobody took is rung again after this
WRITE_EVERY = 0.5  # seconds: progress is written at most so often, which is also how fast a cancel is seen

APOLOGY = _("Something went wrong on our side. What was not delivered costs nothing. Please try again.")
NOT_READY = _(
    "This base is not ready on our machines. What was not delivered costs nothing. Choose another base."
)
SENTENCES = {
    "worker_lost": _(
        "The machine that worked on this stopped. What was not delivered costs nothing. Please try again."
    ),
    "likeness_too_low": _(
        "The twin does not resemble its photos enough. Nothing was charged. More and more varied photos help."
    ),
    "result_refused": _("What came out may not be shown. Nothing was charged for it. Try other words."),
    "out_of_memory": _(
        "There was not enough memory for this. What was not delivered costs nothing. Choose a smaller size."
    ),
    "does_not_fit": _(
        "The machine has too little memory for this base. What was not delivered costs nothing. Choose another base."
    ),
    "base_missing": NOT_READY,
    "base_broken": NOT_READY,
    "storage_full": _(
        "There was no room left to save this. What was not delivered costs nothing. Please try again later."
    ),
    "consent_withdrawn": _("The consent that this needs was withdrawn."),
    "engine_failed": _(
        "The engine could not do this. What was not delivered costs nothing. Please try again."
    ),
    "internal": APOLOGY,
}


class Lost(Exception):
    """The run is not this worker's any more: another took over, or it was cancelled, or its owner is gone."""


class Status(models.TextChoices):
    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


OPEN = (Status.QUEUED, Status.RUNNING)


class RunQuerySet(OwnedQuerySet):
    def open(self) -> Self:
        return self.filter(status__in=OPEN)


class Run(models.Model):
    """Subclasses name their `task`, its `queue` and their `kind`, and add what the work needs and gives."""

    task: ClassVar[str]
    queue: ClassVar[str]
    kind_name: ClassVar[str]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED, editable=False)
    stage = models.CharField(max_length=40, blank=True, editable=False)
    progress = models.FloatField(default=0.0, editable=False)
    progress_from = models.FloatField(default=0.0, editable=False)  # where this attempt took it up
    attempt = models.PositiveSmallIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    cancel_asked = models.BooleanField(default=False, editable=False)
    error_code = models.CharField(max_length=40, blank=True, editable=False)
    error_detail = models.TextField(blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    rung_at = models.DateTimeField(null=True, editable=False)
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

    # ------------------------------------------------------------ asking

    def enqueue(self) -> None:
        """Save the new row and ring for it once the transaction is committed."""
        self.rung_at = timezone.now()
        self.save(force_insert=True)
        self._ring()

    def _ring(self) -> None:
        transaction.on_commit(lambda: enqueue(self.task, self.id, self.queue), robust=True)
        events.tell(self)

    # ------------------------------------------------------------ the worker's side

    @classmethod
    def claim(cls, ident: Any) -> Self | None:
        """The run if it was still queued and is now this worker's, else None."""
        now = timezone.now()
        with transaction.atomic():  # the token is read before anybody else can take the run over
            won = cls.objects.filter(id=ident, status=Status.QUEUED).update(
                status=Status.RUNNING,
                attempt=F("attempt") + 1,
                lease_until=now + LEASE,
                started_at=now,
                progress_from=F("progress"),
                version=F("version") + 1,
            )
            run = cls.objects.get(id=ident) if won else None
        if run:
            events.tell(run)
        return run

    def _mine(self) -> models.QuerySet[Self]:
        return type(self).objects.filter(id=self.id, status=Status.RUNNING, attempt=self.attempt)

    def _change(self, **fields: Any) -> None:
        """Write to the row while it is this worker's. Raises Lost."""
        if not self._mine().update(version=F("version") + 1, **fields):
            raise Lost
        events.tell(self)

    def may_deliver(self) -> bool:
        """Inside a transaction: the row is locked, still this worker's, and nobody asked for an end. Raises Stopped when one did."""
        mine = self._mine().select_for_update().values_list("cancel_asked", flat=True).first()
        if mine:
            raise Stopped
        return mine is False

    def beat(self) -> bool:
        """Renew the lease; False when it was lost."""
        return bool(self._mine().update(lease_until=timezone.now() + LEASE))

    def report(self, stage: str, share: float) -> bool:
        """The callback given to the studio: writes stage and share, and answers True when the work must stop."""
        now = time.monotonic()
        if stage == self.stage and share < 1 and now - getattr(self, "_written", 0.0) < WRITE_EVERY:
            return getattr(self, "_stop", False)
        self._written, self.stage, self.progress = now, stage, share
        self._change(stage=stage[:40], progress=min(max(share, 0.0), 1.0))
        self._stop = self._mine().filter(cancel_asked=True).exists()
        return self._stop

    def finish(self, **fields: Any) -> None:
        """Done: `fields` are written with it. Raises Lost, and Stopped when it was cancelled or forbidden meanwhile."""
        with transaction.atomic():
            if not self.may_deliver():
                raise Lost
            self._change(
                status=Status.SUCCEEDED, progress=1.0, finished_at=timezone.now(), lease_until=None, **fields
            )
            self.refresh_from_db()
            self.on_end()

    def fail(self, code: str, detail: Any = "") -> None:
        """Over without a result. Does nothing when the run is no longer this worker's."""
        code, sentence = (code, SENTENCES[code]) if code in SENTENCES else ("engine_failed", detail)
        with transaction.atomic(), contextlib.suppress(Lost):
            self._change(
                status=Status.FAILED,
                error_code=code,
                error_detail=str(detail or sentence),
                finished_at=timezone.now(),
                lease_until=None,
            )
            self.refresh_from_db()
            self.on_end()

    def pass_on(self) -> None:
        """To be taken up by another worker at once; what comes of it is as if this one's lease had lapsed."""
        now = timezone.now()
        if self._mine().update(lease_until=now):
            self._recover(now + LEASE)

    def on_end(self) -> None:
        """Inside the transaction in which the run ends, however it ends."""

    # ------------------------------------------------------------ the owner's side

    def cancel(self) -> None:
        """A queued run ends at once, a running one at its next safe point. Raises AlreadyFinished."""
        with transaction.atomic():
            now = type(self).objects.select_for_update(of=("self",)).filter(id=self.id).first()
            if now is None or not now.is_open:
                raise AlreadyFinished
            if now.status == Status.QUEUED:
                self.stop()
            else:
                type(self).objects.filter(id=self.id).update(cancel_asked=True, version=F("version") + 1)
                events.tell(self)
            self.refresh_from_db()

    def stop(self) -> None:
        """End it at once, running or not: what it works on goes, or may not be used any more. Its worker gets Lost."""
        with transaction.atomic():
            rows = type(self).objects.filter(id=self.id, status__in=OPEN)
            if rows.update(
                status=Status.CANCELLED,
                finished_at=timezone.now(),
                lease_until=None,
                version=F("version") + 1,
            ):
                self.refresh_from_db()
                self.on_end()
                events.tell(self)

    def _cancelled(self) -> None:
        with transaction.atomic(), contextlib.suppress(Lost):
            self._change(status=Status.CANCELLED, finished_at=timezone.now(), lease_until=None)
            self.refresh_from_db()
            self.on_end()

    def position(self, places: Places | None = None) -> int | None:
        """Place in the queue from 1; None when it does not wait. A list of runs shares one `places`."""
        return (places or Places()).of(self) if self.status == Status.QUEUED else None

    def eta_seconds(self) -> int | None:
        """Seconds that are left, from how fast it went so far."""
        done = self.progress - self.progress_from
        if self.status != Status.RUNNING or not self.started_at or done < 0.02:
            return None
        gone = (timezone.now() - self.started_at).total_seconds()
        return max(1, round(gone * (1 - self.progress) / done))

    # ------------------------------------------------------------ the sweeper's side

    @classmethod
    def sweep(cls) -> int:
        """Queue again what lost its worker, fail what lost it too often, ring for what nobody took; how many rows."""
        now, touched = timezone.now(), 0
        for run in cls.objects.filter(status=Status.RUNNING, lease_until__lt=now)[:100]:
            touched += run._recover(now)
        unheard = cls.objects.filter(status=Status.QUEUED).filter(
            Q(rung_at__lt=now - RING_AGAIN) | Q(rung_at=None)
        )
        for ident in unheard.order_by("created_at").values_list("id", flat=True)[:500]:
            cls.objects.filter(id=ident).update(rung_at=now)
            enqueue(cls.task, ident, cls.queue)
            touched += 1
        return touched

    def _recover(self, now: Any) -> int:
        if self.cancel_asked:
            self._cancelled()
        elif self.attempt >= ATTEMPTS:
            with transaction.atomic():
                if self._mine().select_for_update().filter(lease_until__lt=now).exists():
                    self.fail("worker_lost")
        else:
            won = (
                self._mine()
                .filter(lease_until__lt=now)
                .update(status=Status.QUEUED, lease_until=None, rung_at=None, version=F("version") + 1)
            )
            if not won:
                return 0
            events.tell(self)
        return 1


def kinds() -> Iterator[type[Run]]:
    """Every concrete kind of run, of whatever app."""
    todo = list(Run.__subclasses__())
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        if not kind._meta.abstract:
            yield kind


class Places:
    """The queues as they stand, each read once."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Any]] = {}

    def of(self, run: Run) -> int:
        if run.queue not in self._waiting:
            rows = (
                k.objects.filter(status=Status.QUEUED).values_list("created_at", flat=True)
                for k in kinds()
                if k.queue == run.queue
            )
            self._waiting[run.queue] = sorted(chain.from_iterable(rows))
        return bisect_left(self._waiting[run.queue], run.created_at) + 1


@contextlib.contextmanager
def claimed(kind: type[Run], ident: Any) -> Iterator[Any]:
    """Claim a run and work on it: `with claimed(Training, id) as run: if run: ...`. The one `except` of every task.

    The lease is renewed by a thread. What the studio refuses ends the run with its code and sentence; a bug ends it with an
    apology and is raised on; a stop that was asked for ends it as cancelled; a lost lease ends nothing.
    """
    run = kind.claim(ident)
    if run is None:
        yield None
        return
    over = threading.Event()
    beats = threading.Thread(target=_keep_alive, args=(run, over), daemon=True)
    beats.start()
    try:
        yield run
    except Lost:
        log.warning("lost %s", run)
    except Stopped:
        run._cancelled()
    except MLError as e:
        run.fail(e.code, e.message)
    except DomainError as e:  # a full disk, a storage that does not answer
        run.fail(e.code, e.detail)
    except DeviceLost as e:  # this process can make nothing more: another takes it up, and this one ends
        log.exception("the accelerator is gone")
        run.pass_on()
        raise SystemExit(1) from e
    except (
        OperationalError,
        InterfaceError,
    ):  # the database was away: the lease lapses and the work is taken up again
        raise
    except Exception:
        run.fail("internal")
        raise
    finally:
        over.set()
        beats.join()


def _keep_alive(run: Run, over: threading.Event) -> None:
    while not over.wait(BEAT):
        try:
            if not run.beat():
                break
        except Exception:  # the database is away: try again at the next beat
            log.exception("no beat for %s", run)
            connection.close()  # a broken connection is not opened again by itself
    connection.close()
