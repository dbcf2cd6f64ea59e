"""Logs and traces the work on a run: when it begins and ends, and the stages that its engine comes to."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from config import logs, traces
from config.runs.states import Status

log = logging.getLogger(__name__)


class Watched:
    """What a run knows of its trace while a worker has it."""

    _span: traces.Span | None = None
    _stage_span: traces.Span | None = None


@contextmanager
def watched(run: Any) -> Iterator[None]:
    name, about = f"run {run.kind_name}", {"run.id": str(run.id), "run.attempt": run.attempt}
    with logs.run(run.kind_name, run.id, run.user_id), traces.span(name, traces.CONSUMER, **about) as span:
        run._span, began = span, time.monotonic_ns()
        _tell(run, "begun", "run-begun")
        try:
            yield
        finally:
            _leave(run)
            if span:
                span.facts["run.status"] = str(run.status)
                span.status = traces.ERROR if run.status == Status.FAILED else traces.OK
            _tell(run, run.status, "run-ended", **{"event.duration": time.monotonic_ns() - began})


def come_to(run: Any, stage: str) -> None:
    """The engine has come to this stage: a span of its own, below the run's."""
    if run._span is None or (run._stage_span and run._stage_span.name == stage):
        return
    _leave(run)
    run._stage_span = traces.begin(stage, above=run._span.place)


def _leave(run: Any) -> None:
    if run._stage_span:
        run._stage_span.end()
        run._stage_span = None


def _tell(run: Any, state: str, action: str, **more: Any) -> None:
    facts = {"event.action": action, "labels.status": run.status, "labels.attempt": run.attempt, **more}
    log.info("%s %s", run.kind_name, state, extra={"ecs": facts})
