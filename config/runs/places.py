"""The position of a run in its queue."""

from __future__ import annotations

from typing import Any

from config.runs.models import Run, kinds
from config.runs.states import Status
from config.runs.turns import Waiting, in_turn, last_served


class Places:
    """Positions in the queues. Each queue is read once; use one object for a whole list of runs."""

    def __init__(self) -> None:
        self._places: dict[str, dict[Any, int]] = {}

    def of(self, run: Run) -> int | None:
        """The run's position, from 1; None when it is not queued. Queued runs of all models count, also
        those that are not shown."""
        if run.status != Status.QUEUED:
            return None
        if run.queue not in self._places:
            order = _order_in(run.queue)
            self._places[run.queue] = {ident: place for place, ident in enumerate(order, 1)}
        return self._places[run.queue].get(run.id)


def _order_in(queue: str) -> list[Any]:
    """The ids of the runs that wait in this queue, in the order in which they begin."""
    found = [kind for kind in kinds() if queue in kind.by_queue()]
    waiting = [
        Waiting(ident, user, created_at.timestamp())
        for kind in found
        for ident, user, created_at in kind.objects.filter(
            kind.by_queue()[queue], status=Status.QUEUED
        ).values_list("id", "user_id", "created_at")
    ]
    if not any(kind.by_turns for kind in found):
        return [run.id for run in sorted(waiting, key=lambda run: (run.created_at, run.id))]
    return [run.id for run in in_turn(waiting, last_served(found, {run.user for run in waiting}))]
