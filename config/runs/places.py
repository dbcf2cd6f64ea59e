"""Where a run stands in its queue."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime
from itertools import chain

from config.runs.models import Run, kinds
from config.runs.states import Status


class Places:
    """The queues as they stand, each read once. A list of runs shares one."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[datetime]] = {}

    def of(self, run: Run) -> int | None:
        """Its place from 1; None when it does not wait. All that waits counts, whatever its model and
        whether it is shown."""
        if run.status != Status.QUEUED:
            return None
        if run.queue not in self._waiting:
            self._waiting[run.queue] = _waiting_in(run.queue)
        return bisect_left(self._waiting[run.queue], run.created_at) + 1


def _waiting_in(queue: str) -> list[datetime]:
    """When each run that waits in this queue was asked for, the oldest first."""
    rows = (
        kind.objects.filter(kind.by_queue()[queue], status=Status.QUEUED).values_list("created_at", flat=True)
        for kind in kinds()
        if queue in kind.by_queue()
    )
    return sorted(chain.from_iterable(rows))
