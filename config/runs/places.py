"""The position of a run in its queue."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime
from itertools import chain

from config.runs.models import Run, kinds
from config.runs.states import Status


class Places:
    """Positions in the queues. Each queue is read once; use one object for a whole list of runs."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[datetime]] = {}

    def of(self, run: Run) -> int | None:
        """The run's position, from 1; None when it is not queued. Queued runs of all models count, also
        those that are not shown."""
        if run.status != Status.QUEUED:
            return None
        if run.queue not in self._waiting:
            self._waiting[run.queue] = _waiting_in(run.queue)
        return bisect_left(self._waiting[run.queue], run.created_at) + 1


def _waiting_in(queue: str) -> list[datetime]:
    """`created_at` of each run that waits in this queue, oldest first."""
    rows = (
        kind.objects.filter(kind.by_queue()[queue], status=Status.QUEUED).values_list("created_at", flat=True)
        for kind in kinds()
        if queue in kind.by_queue()
    )
    return sorted(chain.from_iterable(rows))
