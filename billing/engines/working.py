"""What an engine gets to work on a run, beside what it shall make."""

from __future__ import annotations

from typing import Any

from billing.engines.journal import Journal
from billing.runs import PaidRun
from config.runs.connections import ReleasedStore, released
from ml.types import Progress, Store


def given(run: PaidRun, files: Store, report: Progress) -> dict[str, Any]:
    """Keyword arguments of `train` and `render`. At a service a run has a journal, and its thread holds no
    database connection while it waits."""
    if not run.service:
        return {"store": files, "on_progress": report}
    return {"store": ReleasedStore(files), "on_progress": released(report), "journal": Journal(run)}
