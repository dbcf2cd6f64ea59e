"""The kinds of jobs. All are rows of generation.Job; the row's `kind` names one of these objects, which
says where kinds differ."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Protocol
from uuid import UUID

from config.errors import Unavailable
from ml.types import Progress

RENDER = "generation.render"  # the task that works off a queue of jobs, whatever their kind


class JobKind(Protocol):
    """What a kind of job costs, where it waits, what it makes and how that is delivered. `job` is a
    generation.Job."""

    name: str  # in the row, in events and prices, and in the cause of a movement of credits
    label: Any  # what it makes, in the user's language
    task: str
    queue: str

    def price(self, job: Any) -> int:
        """Credits held for all of it."""

    def make(self, job: Any, index: int, on_progress: Progress) -> Any:
        """Result `index` of the job, from 0 to count - 1. Raises MLError ("result_refused" skips this one),
        Stopped."""

    def save(self, job: Any, ident: UUID, result: Any) -> dict[str, Any]:
        """Write the files of a result, and return what `record` needs to know of them."""

    def record(self, job: Any, index: int, ident: UUID, result: Any, facts: dict[str, Any]) -> None:
        """Insert the rows of a result, inside the transaction that delivers it."""

    def discard(self, job: Any, ident: UUID) -> None:
        """Delete what `save` wrote: the result was not delivered."""


_kinds: dict[str, JobKind] = {}


def register(kind: JobKind) -> None:
    _kinds[kind.name] = kind


def unregister(name: str) -> None:
    del _kinds[name]


def get(name: str) -> JobKind:
    """Raises Unavailable for a kind that this version does not have."""
    if name not in _kinds:
        raise Unavailable
    return _kinds[name]


def task_and_queue(name: str) -> tuple[str, str]:
    """A job of a kind that this version does not have is from a newer one that was taken back. It counts as
    waiting to be rendered, and no worker takes it."""
    kind = _kinds.get(name)
    return (kind.task, kind.queue) if kind else (RENDER, "render")


def choices() -> list[tuple[str, Any]]:
    """(name, label) of each, for forms."""
    return [(kind.name, kind.label) for kind in _kinds.values()]


def by_queue() -> dict[str, list[str]]:
    """The kinds' names, by the queue in which they wait."""
    found: dict[str, list[str]] = defaultdict(list)
    for kind in _kinds.values():
        found[kind.queue].append(kind.name)
    return dict(found)
