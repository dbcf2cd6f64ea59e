"""What workers check before they keep face data of a twin. Its consent may be withdrawn at any moment."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from config.runs.models import Run
from config.runs.states import OPEN, Status
from config.runs.worker import Lost
from ml.errors import MLError, Stopped
from twins.models import Twin
from twins.proof import subjects


def require_consent(twin: Twin) -> None:
    """At the start, and again before face data is kept. Raises MLError."""
    if not subjects.has_consent(twin):
        raise MLError("consent_withdrawn", "")


def lock_wanted(twin_id: Any) -> None:
    """Locks the twin before face data is kept: a withdrawal of the consent then waits for the commit.
    Needs a transaction. Raises Lost, MLError."""
    twin = Twin.objects.locked(twin_id)
    if twin is None:
        raise Lost
    if twin.disabled_at:
        raise MLError("consent_withdrawn", "")


@contextlib.contextmanager
def kept_only_if_wanted(run: Run, discard: Callable[[], None]) -> Iterator[None]:
    """Discards the run's files when the run was cancelled, failed or deleted meanwhile."""
    try:
        yield
    except (Lost, Stopped):
        if not type(run).objects.filter(id=run.id, status__in=(*OPEN, Status.SUCCEEDED)).exists():
            discard()
        raise
