"""The journal of one run's requests at services: what a worker must know to go on with another's requests.

Each method commits what it writes and then gives the thread's database connection back.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import DecimalField, Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from billing.engines import costs
from billing.engines.bells import Bell, bells
from billing.engines.models import RemoteCopy, RemoteRequest
from billing.runs import PaidRun
from config.runs.connections import release
from config.runs.worker import Lost
from ml.types import Request

State = RemoteRequest.State
HOOKED = ("fal",)  # services that send webhooks
READS = ("together",)  # services that take no files and read LoRAs at an address of ours
LORA = "lora-there"  # the salt of the signature in such an address
LEAST = timedelta(minutes=2)  # a copy that lives shorter is not used any more
FREE = (State.FAILED,)  # what failed there costs nothing
P, T = ParamSpec("P"), TypeVar("T")


def releasing(method: Callable[Concatenate[Journal, P], T]) -> Callable[Concatenate[Journal, P], T]:
    @functools.wraps(method)
    def act(self: Journal, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        finally:
            release()

    return act


class Journal:
    """Implements ml's Journal for a run that this worker has claimed."""

    def __init__(self, run: PaidRun) -> None:
        self.run = run
        self._bells: dict[str, Bell] = {}  # of the open requests

    @releasing
    def open(self, work: str) -> Request | None:
        """Also a request that has ended, while its run has not: its worker may have died in between, and the
        next one comes to the same result by it."""
        row = RemoteRequest.objects.filter(run_id=self.run.id, work=work).order_by("-created_at").first()
        return self._listening(row) if row and _counts(row) else None

    @releasing
    def begin(self, work: str, service: str, model: str) -> Request:
        """Raises Lost and Stopped, so that a late worker sends nothing."""
        with transaction.atomic():
            if not self.run.may_deliver():
                raise Lost
            row = RemoteRequest.objects.create(
                service=service, model=model, run_kind=self.run.kind_name, run_id=self.run.id, work=work
            )
        return self._listening(row)

    @releasing
    def sent(self, request: Request) -> None:
        """Written whoever has the run now: without its id nobody could cancel the request there."""
        rows = RemoteRequest.objects.filter(id=request.reference)
        status, response, cancel = request.urls
        rows.update(
            key=request.key,
            request_id=request.request_id,
            status_url=status,
            response_url=response,
            cancel_url=cancel,
        )
        # Written off meanwhile, because its run ended: now it can be cancelled.
        late = (State.SENDING, State.WRITTEN_OFF)
        rows.filter(state__in=late).update(state=State.WAITING, ended_at=None, cents=None)

    @releasing
    def named(self, request: Request) -> str:
        found = RemoteRequest.objects.filter(id=request.reference).values_list("request_id", flat=True)
        return found.first() or ""

    @releasing
    def ended(self, request: Request, state: str) -> None:
        """Books what it costs. A cancelled request stays cancelled, and what is booked stays booked."""
        rows = RemoteRequest.objects.filter(id=request.reference).exclude(state=State.CANCELLED)
        if row := rows.first():
            end(row, State(state), self.run.engine)
        self._bells.pop(request.reference, None)

    def webhook(self, request: Request) -> str:
        path = reverse("fal_hook", args=[request.reference])
        return f"{settings.ORIGIN}{path}" if is_hooked(request.service) else ""

    def wait(self, request: Request, seconds: float) -> None:
        release()
        self._bell(request.reference).wait(seconds)

    @releasing
    def copy(self, service: str, name: str) -> str:
        if service in READS:
            return self._address() if settings.SECURE else ""
        live = RemoteCopy.objects.filter(service=service, name=name, expires_at__gt=timezone.now() + LEAST)
        return live.values_list("url", flat=True).first() or ""

    @releasing
    def copied(self, service: str, name: str, url: str, seconds: float) -> None:
        expires = timezone.now() + timedelta(seconds=seconds)
        RemoteCopy.objects.update_or_create(
            service=service, name=name, defaults={"url": url, "expires_at": expires}
        )

    def _address(self) -> str:
        """Where the service reads the twin of this job, while the job runs (generation.there)."""
        token = signing.dumps(str(self.run.id), salt=LORA)
        return f"{settings.ORIGIN}{reverse('lora_there', args=[token])}"

    def _listening(self, row: RemoteRequest) -> Request:
        """The request of a row, whose bell hears webhooks from now on. An id without addresses is one that a
        webhook told: `named` says it."""
        self._bell(str(row.id))
        request = request_of(row)
        return request if row.status_url else replace(request, request_id="")

    def _bell(self, reference: str) -> Bell:
        return self._bells.setdefault(reference, bells.of(reference))


def is_hooked(service: str) -> bool:
    """Whether the service can tell us of an end: at a public address, or on this machine."""
    remote = settings.REMOTES.get(service)
    return service in HOOKED and remote is not None and (settings.SECURE or remote.is_double)


def _counts(row: RemoteRequest) -> bool:
    """Whether its result can still be asked for."""
    refused_at_once = row.state == State.FAILED and not row.request_id
    return row.state not in (State.CANCELLED, State.WRITTEN_OFF) and not refused_at_once


def request_of(row: RemoteRequest) -> Request:
    return Request(
        reference=str(row.id),
        service=row.service,
        model=row.model,
        key=row.key,
        request_id=row.request_id,
        urls=row.urls,
        began=row.created_at.timestamp(),
    )


def end(row: RemoteRequest, state: State, engine: str, *, free: bool = False) -> None:
    """Ends a request and books what it costs. What it may have cost counts, unless it is known to be free."""
    RemoteRequest.objects.filter(id=row.id).update(
        state=state,
        ended_at=Coalesce("ended_at", timezone.now()),
        cents=Coalesce("cents", Value(_cost(row, state, engine, free), DecimalField())),
    )


def _cost(row: RemoteRequest, state: State, engine: str, free: bool) -> Any:
    """In cents, None when no price is set. A clip is one unit of the kind `video`. A picture at a service is
    at most a megapixel, which is billed whole (ml.catalogue)."""
    if free or state in FREE:
        return 0
    kind = "video" if row.work.startswith("clip-") else row.work if row.work == "training" else "image"
    return costs.cents_of(engine, kind, 1)
