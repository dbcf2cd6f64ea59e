"""PaidRun: a run with a hold. Credits are set aside when it is asked for, and the hold ends in the transaction that ends the run."""

from __future__ import annotations

from typing import Any

from django.db import models

from billing import ledger
from config.runs import Run, RunQuerySet, Status


class PaidRun(Run):
    """`price` was held; `earned` says what of it the work has delivered so far, which is what its end captures."""

    price = models.PositiveIntegerField(default=0, editable=False)
    captured = models.PositiveIntegerField(default=0, editable=False)
    retry_of = models.UUIDField(null=True, editable=False)  # staff ran it again, at no price
    retry_cause = models.CharField(max_length=200, blank=True, editable=False)

    objects = RunQuerySet.as_manager()

    class Meta(Run.Meta):
        abstract = True

    @property
    def cause(self) -> str:
        return f"{self.kind_name}:{self.id}"

    @property
    def held(self) -> int:
        return self.price if self.is_open else 0

    def earned(self) -> int:
        """Credits for what was delivered; at most `price`. All of it for a success, unless a kind of run counts."""
        return self.price if self.status == Status.SUCCEEDED else 0

    def enqueue(self) -> None:
        """Hold the price and ring; inside the caller's transaction. Raises NotEnoughCredits."""
        if self.price:
            ledger.hold(ledger.wallet_of(self.user), self.price, cause=self.cause)
        super().enqueue()

    def on_end(self) -> None:
        self.captured = ledger.settle(self.cause, captured=min(self.earned(), self.price) if self.price else 0)
        type(self).objects.filter(id=self.id).update(captured=self.captured)


def credits_of(run: Any) -> dict[str, int]:
    return {"held": run.held, "captured": run.captured}
