"""The state of a session: that of all its runs as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config.runs.states import OPEN, Status
from generation.sessions.models import Session


@dataclass(frozen=True)
class State:
    """`progress` 0..1: the mean of the runs, an ended one counts as done. `status` is that of a run: failed
    only when nothing came of any."""

    status: str
    progress: float
    open: int
    failed: int
    runs: int


def state_of(runs: Sequence[Any]) -> State:
    """`runs`: jobs and trainings."""
    open_ = [run for run in runs if run.status in OPEN]
    failed = sum(run.status == Status.FAILED for run in runs)
    shares = [run.share if run.status in OPEN else 1.0 for run in runs]
    progress = sum(shares) / len(shares) if shares else 0.0
    return State(_status(runs, open_), round(progress, 3), len(open_), failed, len(runs))


def _status(runs: Sequence[Any], open_: Sequence[Any]) -> str:
    statuses = {run.status for run in runs}
    if open_:
        return str(Status.RUNNING if Status.RUNNING in statuses else Status.QUEUED)
    if Status.SUCCEEDED in statuses or not runs:
        return str(Status.SUCCEEDED)
    return str(Status.FAILED if Status.FAILED in statuses else Status.CANCELLED)


def runs_of(session: Session) -> list[Any]:
    return [run for run in (*session.trainings.all(), *session.jobs.all()) if run.shown]
