"""PaidRun: a run with a hold. Credits are held when it is asked for; the transaction that ends the run ends
the hold too."""

from __future__ import annotations

from typing import Any

from django.db import models

from billing import ledger, limits
from config.runs.models import OPEN, Run, RunQuerySet, Status, kinds


class PaidRun(Run):
    """`price` was held; `earned` says what of it the work has delivered so far, which is what its end
    captures."""

    price = models.PositiveIntegerField(default=0, editable=False)
    captured = models.PositiveIntegerField(default=0, editable=False)
    engine = models.CharField(max_length=40, blank=True, editable=False)  # what works on it, for its costs
    units = models.PositiveIntegerField(default=0, editable=False)  # pictures, trainings that were delivered
    retry_of = models.UUIDField(null=True, editable=False)  # staff ran it again, at no price
    retry_cause = models.CharField(max_length=200, blank=True, editable=False)  # the audit log says who

    objects = RunQuerySet.as_manager()

    class Meta(Run.Meta):
        abstract = True

    @property
    def cause(self) -> str:
        return f"{self.kind_name}:{self.id}"

    @property
    def held(self) -> int:
        return self.price if self.is_open else 0

    def delivered(self) -> int:
        """Units of work that are done: one for a success, unless a kind of run counts."""
        return int(self.status == Status.SUCCEEDED)

    def earned(self) -> int:
        """Credits for what was delivered; at most `price`."""
        return self.price if self.status == Status.SUCCEEDED else 0

    def enqueue(self) -> None:
        """Hold the price and queue the run; inside the caller's transaction. Raises JobLimit,
        NotEnoughCredits, PaymentDue."""
        if not self.retry_of:  # what staff run again costs nothing and counts against no limit
            wallet = ledger.locked_wallet(self.user)
            limits.room_for_job(wallet, open_runs(self.user))
            ledger.hold(wallet, self.price, cause=self.cause)
        super().enqueue()

    def on_end(self) -> None:
        self.captured = ledger.settle(
            self.cause, captured=min(self.earned(), self.price) if self.price else 0
        )
        self.units = self.delivered()
        type(self).objects.filter(id=self.id).update(captured=self.captured, units=self.units)


def paid_kinds() -> list[type[PaidRun]]:
    return [kind for kind in kinds() if issubclass(kind, PaidRun)]


def open_runs(user: Any) -> int:
    """How many paid runs of a user are not done yet."""
    return sum(kind.objects.filter(user=user, status__in=OPEN).count() for kind in paid_kinds())


def credits_of(run: Any) -> dict[str, int]:
    return {"held": run.held, "captured": run.captured}
