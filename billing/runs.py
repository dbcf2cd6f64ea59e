"""PaidRun: a run with a hold. Credits are held at the request; the transaction that ends the run also ends
the hold."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial, reduce
from operator import or_
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from accounts.emails import require_confirmed
from accounts.standing import services as standing
from billing import ledger, limits
from billing.engines.models import RemoteRequest
from billing.models import Wallet
from config.runs import broker
from config.runs.circuit import Circuit
from config.runs.locks import advisory_lock
from config.runs.models import OPEN, Run, RunQuerySet, Status, kinds
from config.runs.sentences import SENTENCES
from config.studio import hosted, service_of
from ml.catalogue import SERVICES

REMOTE = "remote"  # the queue of runs at services: each waits for an answer, so many work at once
AWAY = "engine_away"  # the stage of a run that waits for its service, and its error after MOST_AWAY
FULL = "storage_full"  # the same of a hosted training whose result finds no room here: it is kept there
MOST_AWAY = timedelta(hours=1)


class PaidRun(Run):
    """`price` is held at the request. The end of the run captures `earned`, the price of what was delivered.
    `worked` also counts work that its owner gave up; what the day's allowance does not forgive of it
    (limits.forgive) is captured too. The plan limits how many of a user's runs work at once."""

    by_turns = True

    price = models.PositiveIntegerField(default=0, editable=False)
    captured = models.PositiveIntegerField(default=0, editable=False)
    engine = models.CharField(max_length=40, blank=True, editable=False)  # the engine used, for its costs
    units = models.PositiveIntegerField(default=0, editable=False)  # delivered pictures or trainings
    retry_of = models.UUIDField(null=True, editable=False)  # the run that staff repeat with this one, free
    retry_cause = models.CharField(max_length=200, blank=True, editable=False)
    # Since when it waits for a service that is away; see `postpone`.
    postponed_at = models.DateTimeField(null=True, editable=False)

    objects = RunQuerySet.as_manager()

    class Meta(Run.Meta):
        abstract = True

    @property
    def service(self) -> str:
        """The service whose accelerators do the work, "" for this machine."""
        return service_of(self.engine)

    @property
    def needs_proven_address(self) -> bool:
        """Whether its user must have confirmed an address first."""
        return True

    @property
    def is_wanted(self) -> bool:
        """False when what it works on was deleted meanwhile."""
        return True

    @property
    def cause(self) -> str:
        return f"{self.kind_name}:{self.id}"

    @property
    def held(self) -> int:
        return self.price if self.is_open else 0

    def delivered(self) -> int:
        """Units of work that are done: 1 for a success, unless a subclass counts its own."""
        return int(self.status == Status.SUCCEEDED)

    def earned(self) -> int:
        """Credits for what was delivered; at most `price`."""
        return self.price if self.status == Status.SUCCEEDED else 0

    def worked(self) -> int:
        """Credits for what was delivered and, if its owner gives the run up, for what was begun: the share of
        the work that is done, rounded up. From `earned` to `price`. Work that failed on our side is free."""
        given_up = self.is_open or self.status == Status.CANCELLED or self.error_code == "consent_withdrawn"
        given_up = given_up and self.stage not in (AWAY, FULL)  # who does not wait for that pays nothing
        begun = math.ceil(round(self.price * self.done(), 6)) if given_up else 0
        return max(self.earned(), begun)

    def done(self) -> float:
        """The share of the priced work that is done, 0..1."""
        return self.share

    @property
    def if_cancelled(self) -> int | None:
        """The credits that a cancel would capture now; None once the run has ended."""
        if not self.is_open:
            return None
        earned, worked = self.earned(), self.worked()
        wallet = Wallet.objects.filter(user=self.user_id).first() if worked > earned else None
        return max(earned, worked - limits.forgivable(wallet)) if wallet else earned

    def enqueue(self) -> None:
        """Hold the price and queue the run, in the caller's transaction. Raises JobLimit, NotEnoughCredits,
        PaymentDue, EmailUnconfirmed, Suspended. A suspension locks the wallet too: no run slips in beside
        it."""
        wallet = ledger.locked_wallet(self.user)
        standing.require(self.user_id)
        if not self.retry_of:  # a retry by staff is free and counts against no limit
            if self.needs_proven_address:
                require_confirmed(self.user)
            limits.room_for_job(wallet, open_runs(self.user))
            ledger.hold(wallet, self.price, cause=self.cause)
        super().enqueue()

    @classmethod
    def claim(cls, ident: Any) -> Self | None:
        """Also None while as many of the user's runs work as the plan allows (the end of one of them wakes
        the next), and while the service is away."""
        with transaction.atomic():
            found = cls.objects.filter(id=ident, status=Status.QUEUED).values_list("user", "engine").first()
            if found is None or _is_away(service_of(found[1])):
                return None
            advisory_lock(f"claim:{found[0]}")  # of two claims at once, the second counts the first
            return None if found[0] in at_limit() else super().claim(ident)

    def progress(self, stage: str, share: float) -> bool:
        """Also ends the count of MOST_AWAY: work that goes on has reached its service."""
        stop = super().progress(stage, share)
        if self.postponed_at and self.share > self.share_at_claim:
            self.postponed_at = None
            self._mine().update(postponed_at=None)
        return stop

    def postpone(self, stage: str, **fields: Any) -> None:
        """The service is away, or there is no room for its result. After MOST_AWAY of it without a break the
        run fails, here when it was just tried again, or while it waits (billing/engines/settling.py)."""
        if self._mine().filter(postponed_at__lte=Now() - MOST_AWAY).exists():
            self.fail(stage)
        else:
            super().postpone(stage, postponed_at=Coalesce("postponed_at", Now()), **fields)

    def give_up(self, code: str) -> None:
        """Fail the run while it waits. Does nothing once a worker claimed it or it has ended."""
        self.end_at_once(Status.QUEUED, status=Status.FAILED, error_code=code, error_detail=SENTENCES[code])

    def on_end(self) -> None:
        _wake_next(self.user_id)
        if RemoteRequest.objects.open().filter(run_id=self.id).exists():
            ident = self.id
            transaction.on_commit(lambda: broker.enqueue("billing.settle_remote", ident, "io"), robust=True)
        self.captured = ledger.settle(self.cause, captured=self._due() if self.price else 0)
        self.units = self.delivered()
        type(self).objects.filter(id=self.id).update(captured=self.captured, units=self.units)
        super().on_end()

    def _due(self) -> int:
        """What the end of the run captures. What of the work is forgiven is counted in the locked wallet."""
        earned, worked = self.earned(), self.worked()
        if worked == earned:
            return earned
        return worked - limits.forgive(ledger.locked_wallet(self.user), worked - earned)


def may_begin(kind: type[PaidRun], queue: str) -> QuerySet[Any]:
    """The waiting runs of a queue whose user is below the limit and whose service is not away."""
    rows = kind.objects.filter(kind.by_queue()[queue], status=Status.QUEUED).exclude(user__in=at_limit())
    away = [service for service in SERVICES if _is_away(service)] if queue == REMOTE else []
    return rows.exclude(engine__in=hosted(*away)) if away else rows


def _is_away(service: str) -> bool:
    return bool(service) and Circuit().is_open(service)


def by_place(local: Mapping[str, Q]) -> dict[str, Q]:
    """Queues of a model whose hosted runs wait in a queue of their own. `local`: queue -> the rows that would
    wait in it."""
    elsewhere = Q(engine__in=hosted())
    there = reduce(or_, local.values()) & elsewhere
    here = {queue: rows & ~elsewhere for queue, rows in local.items()}
    return here | {REMOTE: here[REMOTE] | there if REMOTE in here else there}


def paid_kinds() -> list[type[PaidRun]]:
    return [kind for kind in kinds() if issubclass(kind, PaidRun)]


def open_runs(user: Any) -> int:
    """How many paid runs of a user are open."""
    return sum(kind.objects.filter(user=user, status__in=OPEN).count() for kind in paid_kinds())


def at_limit() -> set[Any]:
    """The users of whom as many runs work as their plans allow."""
    working = _working()
    return {user for user, most in _most_at_once(working).items() if working[user] >= most}


def _working(**whose: Any) -> Counter[Any]:
    """User -> how many of their runs work now."""
    found: Counter[Any] = Counter()
    for kind in paid_kinds():
        rows = kind.objects.filter(status=Status.RUNNING, **whose).order_by().values_list("user")
        found.update(dict(rows.annotate(n=Count("id"))))
    return found


def _most_at_once(users: Iterable[Any]) -> dict[Any, int]:
    """User -> how many of their runs may work at once, for those with a limit."""
    rows = Wallet.objects.filter(user__in=list(users), plan__jobs__gt=0).values_list("user", "plan__jobs")
    return dict(rows) if users else {}


def _wake_next(user: Any) -> None:
    """After the commit, wakes a worker for the oldest waiting run of each kind, if the run that ends now was
    the last one that the plan allows."""
    most = _most_at_once([user]).get(user)
    if not most or _working(user=user)[user] + 1 < most:
        return
    for kind in paid_kinds():
        if run := kind.objects.filter(user=user, status=Status.QUEUED).order_by("created_at").first():
            transaction.on_commit(partial(broker.enqueue, run.task, run.id, run.queue), robust=True)
