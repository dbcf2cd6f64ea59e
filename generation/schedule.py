"""Chooses the next job of a render worker. These are pure functions, so that the worker and the simulated
day (bench.serve) choose alike.

Users take turns (config.runs.turns). After a user's turn has begun, each other user gets at most one job
before them.

A worker saves an adapter swap when it goes on with the loaded twin. So jobs of that twin may run before
their turn, within two bounds: at most MOST_IN_A_ROW jobs of one twin in a row, and none before a user whose
turn began PATIENCE ago.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from config.runs.turns import turn_of

MOST_IN_A_ROW = 4  # jobs
PATIENCE = 20.0  # seconds
WINDOW = 200  # jobs: the worker chooses among the oldest ones

Twin = tuple[str, str]  # (base, the LoRA's checksum); ("", "") is the bare base


@dataclass(frozen=True)
class Waiting:
    id: Any
    user: Any
    twin: Twin
    created_at: float  # seconds, by the clock of `now` and `served`


Some = TypeVar("Some", bound=Waiting)


@dataclass
class Streak:
    """The twin whose adapter a worker has loaded, and how many of its jobs the worker took in a row."""

    twin: Twin | None = None
    jobs: int = 0

    def took(self, twin: Twin) -> None:
        self.twin, self.jobs = twin, self.jobs + 1 if twin == self.twin else 1


def choose(
    waiting: Sequence[Some], streak: Streak, *, now: float, served: Mapping[Any, float] | None = None
) -> Some:
    """The next job of `waiting` (not empty). `served`: user -> when a worker last took one of their jobs."""
    turn = partial(turn_of, served=served or {})
    first = min(waiting, key=turn)
    if first.twin == streak.twin or streak.jobs >= MOST_IN_A_ROW or now - turn(first)[0] >= PATIENCE:
        return first
    return min((job for job in waiting if job.twin == streak.twin), key=turn, default=first)
