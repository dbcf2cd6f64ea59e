"""Turns between users: the order in which the waiting runs of a queue begin.

A user's turn begins at the later of two times: the request of their oldest waiting run, and the last claim of
one of their runs. When each user has one run, this is first come, first served. When one user has fifty runs
and another has one, that one is second.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from django.db.models import Max
from django.db.models.functions import Now

REMEMBERED = timedelta(days=1)  # runs requested earlier do not count for turns


class Waits(Protocol):
    """A waiting run."""

    @property
    def id(self) -> Any: ...
    @property
    def user(self) -> Any: ...
    @property
    def created_at(self) -> float:
        """Seconds, by the clock of `served`."""


@dataclass(frozen=True)
class Waiting:
    id: Any
    user: Any
    created_at: float


Some = TypeVar("Some", bound=Waits)
Turn = tuple[float, bool, float, Any]


def turn_of(run: Waits, served: Mapping[Any, float]) -> Turn:
    """Sorts waiting runs. `served`: user -> when a worker last claimed one of their runs."""
    last = served.get(run.user, -math.inf)
    return max(run.created_at, last), last >= run.created_at, run.created_at, run.id


def in_turn(waiting: Sequence[Some], served: Mapping[Any, float]) -> list[Some]:
    """The order in which the runs begin if no other run is requested: the first of each user by turns, then
    the second of each, and so on."""
    own: dict[Any, list[Some]] = defaultdict(list)
    for run in sorted(waiting, key=lambda run: (run.created_at, run.id)):
        own[run.user].append(run)
    rounds = [
        (place, turn_of(runs[0], served), run) for runs in own.values() for place, run in enumerate(runs)
    ]
    return [run for _place, _turn, run in sorted(rounds, key=lambda each: each[:2])]


def last_served(kinds: Iterable[Any], users: Iterable[Any]) -> dict[Any, float]:
    """User -> when a worker last claimed a run of these models for them, in seconds."""
    users, found = set(users), {}
    for kind in kinds:
        lately = kind.objects.filter(
            user__in=users, created_at__gte=Now() - REMEMBERED, started_at__isnull=False
        )
        for user, last in lately.order_by().values_list("user").annotate(last=Max("started_at")):
            found[user] = max(last.timestamp(), found.get(user, 0.0))
    return found
