"""Ends what is left open at services: requests of runs that ended or were deleted, copies that have expired,
and runs that wait too long for a service that is away."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone

from billing.engines import journal
from billing.engines.models import RemoteCopy, RemoteRequest
from billing.runs import AWAY, FULL, MOST_AWAY, PaidRun, paid_kinds
from config import registry, studio
from config.runs.circuit import Circuit
from config.runs.models import Status
from ml.errors import MLError
from ml.remote.failures import code_of
from ml.remote.fal import Busy, Fal
from ml.remote.http import NotSent, Unanswered
from ml.remote.keys import Keys
from ml.types import Request

log = logging.getLogger(__name__)

State = RemoteRequest.State
MOST = 1000  # requests in one round
NAMED = timedelta(minutes=30)  # how long a webhook may still name a request whose submit was not answered
TRIED = timedelta(days=1)  # how long a cancel is tried while the service does not answer
LATE = timedelta(days=2)  # how long after a request was given up as lost a webhook may still name it
CANCELLED = "client_cancelled"  # their word for what we cancelled
NO_ANSWER = (MLError, NotSent, Unanswered, Busy)


def settle() -> int:
    """Returns how many rows it changed."""
    RemoteCopy.objects.filter(expires_at__lt=timezone.now()).delete()
    silent: set[str] = set()
    settled = sum(_settle(row, silent) for row in _open())
    return settled + sum(_give_up(kind) + _end_unserved(kind) for kind in paid_kinds())


def _open() -> list[RemoteRequest]:
    """Also those given up as lost that a webhook named since (webhooks.py): nobody waits for them."""
    found = RemoteRequest.objects.open().order_by("created_at")[:MOST]
    lost = RemoteRequest.objects.filter(state=State.LOST, ended_at__gt=timezone.now() - LATE, status_url="")
    return [*found, *lost.exclude(request_id="")[:MOST]]


def _settle(row: RemoteRequest, silent: set[str]) -> bool:
    """Cancels a request that nobody waits for. `silent`: services that did not answer in this round; each is
    asked once, because waiting for them holds up what else this worker does."""
    run = _run_of(row)
    if run is not None and not run.is_wanted:
        run.stop()
    if row.service in silent or (run is not None and run.is_open):
        return False
    try:
        return _cancel(row, run.engine if run else _engine_of(row))
    except NO_ANSWER as e:
        log.warning("%s cannot be cancelled: %s", row, e)
        silent.add(row.service)
        return False


def _run_of(row: RemoteRequest) -> PaidRun | None:
    found = (kind.objects.filter(id=row.run_id).first() for kind in paid_kinds())
    return next((run for run in found if run is not None), None)


def _engine_of(row: RemoteRequest) -> str:
    """The engine of a deleted run: of those at the service, for its price."""
    return studio.hosted(row.service)[0]


def _cancel(row: RemoteRequest, engine: str) -> bool:
    """Whether it is over. Raises MLError, NotSent and Unanswered while the service cannot be asked."""
    if row.state == State.LOST:  # booked when it was given up
        _cancel_there(row)
        return True
    age = timezone.now() - row.created_at
    if row.service != "fal" or not row.request_id:
        named = journal.is_hooked(row.service) and age < NAMED
        return not named and _end(row, State.WRITTEN_OFF, engine)
    try:
        free = _cancel_there(row)
    except NO_ANSWER:
        if age < TRIED:
            raise
        free = False
    return _end(row, State.CANCELLED, engine, free=free)


def _cancel_there(row: RemoteRequest) -> bool:
    """Whether it costs nothing: it was still in their queue, or they do not know it."""
    if (remote := settings.REMOTES.get(row.service)) is None:
        raise MLError("engine_misconfigured", "The service has no key any more.")
    service = Fal(remote, keys=Keys(remote, on_refused=registry.key_refused))
    try:
        return _is_free(service, journal.request_of(row))
    finally:
        service.http.close()


def _is_free(service: Fal, request: Request) -> bool:
    """Cancels it. What had failed there before, without our doing, costs nothing."""
    named = not request.urls[0]  # by a webhook alone
    if named:
        request = replace(request, urls=service.urls_of(request.model, request.request_id))
    status = service.status(request)
    said = service.cancel(request) if status.state in ("waiting", "running") else status.state
    if said == "ended":
        status = service.status(request)
    if named:
        names = ("status_url", "response_url", "cancel_url")
        rows = RemoteRequest.objects.filter(id=request.reference)
        rows.update(**dict(zip(names, request.urls, strict=True)))
    failed = status.state == "done" and _failed(status.error)
    return failed or said == "unknown" or (status.state, said) == ("waiting", "requested")


def _failed(error: str) -> bool:
    """Whether the work failed there: a refusal is billed, and so is what ran until an earlier cancel."""
    return bool(error) and CANCELLED not in error and code_of(422, error) != "result_refused"


def _end(row: RemoteRequest, state: State, engine: str, *, free: bool = False) -> bool:
    journal.end(row, state, engine, free=free)
    log.info("%s: %s", row, state)
    return True


def _give_up(kind: type[PaidRun]) -> int:
    """Fails the runs that wait for a service too long, while it is still away."""
    late = kind.objects.filter(status=Status.QUEUED, stage__in=(AWAY, FULL))
    found = [
        run
        for run in late.filter(postponed_at__lt=Now() - MOST_AWAY)[:MOST]
        if Circuit().is_open(run.service)
    ]
    for run in found:
        run.give_up(AWAY)
    return len(found)


def _end_unserved(kind: type[PaidRun]) -> int:
    """Fails the runs that wait for a service whose keys were taken out of the settings."""
    gone = [name for name in studio.hosted() if studio.service_of(name) not in settings.REMOTES]
    found = list(kind.objects.filter(status=Status.QUEUED, engine__in=gone)[:MOST])
    for run in found:
        run.give_up("engine_misconfigured")
    return len(found)
