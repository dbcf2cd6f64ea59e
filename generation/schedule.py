"""Which of the waiting jobs a render worker takes next. Pure functions, so that the worker and the
simulated day (bench.serve) choose alike.

A user's turn begins when their oldest job was asked for, or when a job of theirs was last taken, whichever
is later. With one job each that is first come, first served; of fifty jobs of one user and one of another,
the one is next but one. Once a user's turn has begun, each other user passes them with one job at most.

A worker that goes on with the twin whose adapter is loaded saves a swap. So jobs of that twin may go before
their turn, within two bounds: never more than MOST_IN_A_ROW jobs of one twin by one worker, and never past
a user whose turn began PATIENCE ago.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

MOST_IN_A_ROW = 4  # jobs
PATIENCE = 20.0  # seconds
WINDOW = 200  # the oldest so many are chosen from

Twin = tuple[str, str]  # (base, the LoRA's checksum); ("", "") is the bare base


@dataclass(frozen=True)
class Waiting:
    id: Any
    user: Any
    twin: Twin
    created_at: float  # seconds, of any clock that `now` and `served` share


Some = TypeVar("Some", bound=Waiting)


@dataclass
class Streak:
    """Of one worker: the twin whose adapter is loaded, and how many jobs of it were taken without another
    between."""

    twin: Twin | None = None
    jobs: int = 0

    def took(self, twin: Twin) -> None:
        self.twin, self.jobs = twin, self.jobs + 1 if twin == self.twin else 1


def choose(
    waiting: Sequence[Some], streak: Streak, *, now: float, served: Mapping[Any, float] | None = None
) -> Some:
    """The next of `waiting`, which is not empty. `served`: when any worker last took a job of a user."""
    served = served or {}

    def turn(job: Some) -> tuple[float, bool, float, Any]:
        last = served.get(job.user, -math.inf)
        return max(job.created_at, last), last >= job.created_at, job.created_at, job.id

    first = min(waiting, key=turn)
    if first.twin == streak.twin or streak.jobs >= MOST_IN_A_ROW or now - turn(first)[0] >= PATIENCE:
        return first
    return min((job for job in waiting if job.twin == streak.twin), key=turn, default=first)
