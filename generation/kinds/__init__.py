"""The kinds of jobs. All jobs are rows of generation.Job. `Job.kind` names one of the JobKind objects
registered here, which holds what differs between kinds."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Protocol
from uuid import UUID

from config.errors import Unavailable
from ml.types import Progress

RENDER = "generation.render"  # the task that runs the jobs of a queue, of any kind


class JobKind(Protocol):
    """The price, the queue, the work and the delivery of one kind of job. `job` is a generation.Job.

    A kind may also have `by_prompt` (see there), `profile`, the engine that makes all of it, and `stages`,
    the shares of its stages of the whole time (`stages_there` at a service); without them every stage is
    "rendering"."""

    name: str  # in rows, events, prices and the causes of credit movements
    label: Any  # what the kind makes, translated
    task: str
    queue: str

    def price(self, job: Any) -> int:
        """Credits to hold for the whole job."""

    def make(self, job: Any, index: int, on_progress: Progress) -> Any:
        """Makes result `index` of the job, from 0 to count - 1. Raises Stopped and MLError; the code
        "result_refused" skips this result."""

    def is_recognised(self, job: Any, result: Any) -> bool:
        """False for a result that should show the twin and does not: it is delivered and not charged."""

    def save(self, job: Any, ident: UUID, result: Any) -> dict[str, Any]:
        """Writes the files of a result. Returns the `facts` for `record`."""

    def record(self, job: Any, index: int, ident: UUID, result: Any, facts: dict[str, Any]) -> None:
        """Inserts the rows of a result, inside the transaction that delivers it."""

    def discard(self, job: Any, ident: UUID) -> None:
        """Deletes the files of a result that was not delivered."""


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


def by_prompt(name: str) -> bool:
    """Whether jobs of this kind are asked for by a prompt alone, so that their recipe repeats them."""
    return getattr(_kinds.get(name), "by_prompt", True)


def without_prompt() -> list[str]:
    return [name for name in _kinds if not by_prompt(name)]


def by_queue() -> dict[str, list[str]]:
    """Queue -> names of the kinds whose jobs wait in it."""
    found: dict[str, list[str]] = defaultdict(list)
    for kind in _kinds.values():
        found[kind.queue].append(kind.name)
    return dict(found)
