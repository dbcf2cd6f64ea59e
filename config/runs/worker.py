"""What a worker does with a run: claim it, renew its lease, report progress, end it or hand it back.

A claim turns QUEUED into RUNNING for one worker, raises `attempt` and gives a lease of LEASE. `attempt` is
the fencing token: everything the worker writes afterwards matches (id, RUNNING, attempt). A worker that
lost its lease to another worker changes nothing and gets `Lost`. Leases go by the clock of the database.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from typing import Any, Self

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from config import registry
from config.errors import DomainError
from config.runs import accelerators, broker, connections, events
from config.runs.sentences import sentence_of
from config.runs.states import Status
from config.runs.stopping import told_to_stop
from config.runs.watching import Watched, come_to, watched
from ml.errors import Away, DeviceLost, MLError, Stopped

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
BEAT = 10.0  # seconds between two renewals of the lease
LOOK = 0.5  # seconds between two checks whether this worker was told to stop
SAFE_POINT = 5.0  # seconds a stopping worker has to reach a safe point; supervisors kill it after 10
CRASHES = 3  # a run whose worker was lost this often fails
WRITE_EVERY = 0.5  # seconds between two writes of progress; a cancel is noticed at a write


class Lost(Exception):
    """The run is not this worker's any more: another worker took over, it was cancelled, or it is deleted."""


class WorkerSide(Watched):
    """The methods of a Run for the worker that claimed it. Each matches the fencing token."""

    _written = 0.0  # when progress was last written, by time.monotonic
    _stop = False  # whether a cancel was asked for at the last write

    @classmethod
    def claim(cls, ident: Any) -> Self | None:
        """Claim the run if it is still queued; None if it is not, and during a maintenance."""
        if registry.paused():
            return None
        with transaction.atomic():  # the token is read before another worker can take the run over
            won = cls.objects.filter(id=ident, status=Status.QUEUED).update(
                status=Status.RUNNING,
                attempt=F("attempt") + 1,
                lease_until=Now() + LEASE,
                started_at=Now(),
                share_at_claim=F("share"),
                version=F("version") + 1,
            )
            run = cls.objects.get(id=ident) if won else None
        if run:
            events.publish(run)
        return run

    def _mine(self) -> QuerySet[Self]:
        return type(self).objects.filter(id=self.id, status=Status.RUNNING, attempt=self.attempt)

    def _change(self, **fields: Any) -> None:
        """Write to the row. Raises Lost when it is not this worker's any more."""
        if not self._mine().update(version=F("version") + 1, **fields):
            raise Lost
        events.publish(self)

    def _end(self, status: Status, **fields: Any) -> None:
        """End the run and call on_end in one transaction. Raises Lost."""
        with transaction.atomic():
            self._change(status=status, finished_at=Now(), lease_until=None, **fields)
            self.refresh_from_db()
            self.on_end()

    def beat(self) -> bool:
        """Renew the lease; False when it is lost."""
        return bool(self._mine().update(lease_until=Now() + LEASE))

    def progress(self, stage: str, share: float) -> bool:
        """The engine's callback: writes the stage and the share (0..1) of the work that is done.

        Returns True when the work must stop: its owner cancelled it, or this worker was told to stop.
        Raises Lost."""
        come_to(self, stage)
        now = time.monotonic()
        if stage != self.stage or share >= 1 or now - self._written >= WRITE_EVERY:
            self._stop = self._mine().filter(cancel_asked=True).exists()
            if not self._stop:  # the share at a cancel stays: it decides what the cancel costs
                self._written, self.stage, self.share = now, stage, min(max(share, 0.0), 1.0)
                self._change(stage=stage[:40], share=self.share)
        return self._stop or told_to_stop.is_set()

    def may_deliver(self) -> bool:
        """Lock the row, inside a transaction; whether the run is still this worker's. Raises Stopped when a
        cancel was asked for."""
        cancel_asked = self._mine().select_for_update().values_list("cancel_asked", flat=True).first()
        if cancel_asked:
            raise Stopped
        return cancel_asked is False

    def finish(self, **fields: Any) -> None:
        """End the run as succeeded and write `fields` with it. Raises Lost, and Stopped when a cancel was
        asked for."""
        with transaction.atomic():
            if not self.may_deliver():
                raise Lost
            self._end(Status.SUCCEEDED, share=1.0, **fields)

    def fail(self, code: str, detail: Any = "") -> None:
        """End the run as failed. Does nothing when it is not this worker's any more."""
        if (sentence := sentence_of(code, self.kind_name)) is None:
            code, sentence = "engine_failed", detail
        with contextlib.suppress(Lost):
            self._end(Status.FAILED, error_code=code, error_detail=str(detail or sentence))

    def end_cancelled(self) -> None:
        """End the run as cancelled. Does nothing when it is not this worker's any more."""
        with contextlib.suppress(Lost):
            self._end(Status.CANCELLED)

    def hand_back(self) -> None:
        """Queue the run again for another worker at once; this does not count as a crash. A run whose
        cancel was asked for ends instead."""
        handed = self._mine().filter(cancel_asked=False)
        with transaction.atomic():
            if handed.update(version=F("version") + 1, **self._queued()):
                self.wake()
            else:
                self.end_cancelled()

    def postpone(self, stage: str, **fields: Any) -> None:
        """Queue the run again for later: the sweeper wakes a worker. It does not count as a crash. A run
        whose cancel was asked for ends instead. `stage` tells the user why it waits."""
        mine = self._mine().filter(cancel_asked=False)
        with transaction.atomic():
            if mine.update(version=F("version") + 1, stage=stage, **self._queued(), **fields):
                events.publish(self)
            else:
                self.end_cancelled()

    def _queued(self) -> dict[str, Any]:
        return {"status": Status.QUEUED, "lease_until": None, "enqueued_at": Now()}

    def crashed(self) -> None:
        """The worker died: queue the run again, or fail it after the CRASHES-th crash. Raises Lost."""
        with transaction.atomic():
            self._change(crashes=F("crashes") + 1)
            self.refresh_from_db()
            if self.cancel_asked:
                self.end_cancelled()
            elif self.crashes >= CRASHES:
                self.fail("worker_lost")
            else:
                self.hand_back()

    def wake(self) -> None:
        """After the commit, send a wake-up to the run's queue and an event to the run's user."""
        task, ident, queue = self.task, self.id, self.queue
        transaction.on_commit(lambda: broker.enqueue(task, ident, queue), robust=True)
        events.publish(self)


@contextlib.contextmanager
def claimed(kind: type[Any], ident: Any) -> Iterator[Any]:
    """Claim a run and work on it: `with claimed(Training, ident) as run: if run: ...`. All tasks handle
    their errors here.

    A thread renews the lease. An expected error ends the run with its code and sentence. A bug ends it with
    an apology and is raised again. A cancel ends it as cancelled. A worker that was told to stop hands it
    back. A lost lease changes nothing.
    """
    run = kind.claim(ident)
    if run is None:
        yield None
        return
    with watched(run):
        over = threading.Event()
        beats = partial(copy_context().run, _keep, run, over)
        keeper = threading.Thread(target=beats, daemon=True)
        keeper.start()
        try:
            with _ended_by_its_error(run):
                yield run
        finally:
            over.set()
            keeper.join()
            accelerators.tell()


@contextlib.contextmanager
def _ended_by_its_error(run: Any) -> Iterator[None]:
    try:
        yield
    except Lost:
        log.warning("lost %s", run)
    except Stopped:
        if told_to_stop.is_set():
            run.hand_back()
        else:
            run.end_cancelled()
    except Away as e:
        log.warning("%s waits: %s", run, e)
        run.postpone("engine_away")
    except MLError as e:
        run.fail(e.code, e.message)
    except DomainError as e:  # a full disk, a storage that does not answer
        if e.code in run.waits_for:
            log.warning("%s waits: %s", run, e.code)
            run.postpone(e.code)
        else:
            run.fail(e.code, e.detail)
    except DeviceLost as e:  # this process cannot compute any more: it ends, another process gets the run
        log.exception("the accelerator is gone")
        with contextlib.suppress(Lost):
            run.crashed()
        raise SystemExit(1) from e
    except SystemExit:  # this process of the pool got the SIGTERM itself
        run.hand_back()
        raise
    except (OperationalError, InterfaceError):
        raise  # the database was away: the lease lapses and the sweeper queues the run again
    except Exception:
        run.fail("internal")
        raise


def _keep(run: Any, over: threading.Event) -> None:
    """Renew the lease until the work is over or the lease is lost."""
    keeper = Keeper(run)
    while not over.wait(LOOK):
        try:
            if not keeper.look():
                break
        except Exception:  # the database is away: try again at the next look
            log.exception("no beat for %s", run)
            connections.release()  # Django does not reopen a broken connection by itself
    connections.release()


class Keeper:
    """Renews the lease of a run. When a stopping worker reaches no safe point in time, it hands the run back;
    the next worker resumes from the last checkpoint."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.beat_at = time.monotonic() + BEAT
        self.told_at: float | None = None

    def look(self) -> bool:
        """Renew the lease when it is time. False when the run was handed back or the lease is lost."""
        now = time.monotonic()
        if told_to_stop.is_set():
            self.told_at = self.told_at or now
            if now - self.told_at >= SAFE_POINT:
                self.run.hand_back()
                return False
        if now >= self.beat_at:
            self.beat_at = now + BEAT
            try:
                return bool(self.run.beat())
            finally:
                connections.release()  # of this thread: it only sleeps until the next beat
        return True
