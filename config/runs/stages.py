"""Converts the progress of a stage, which an engine reports, into progress of the whole work."""

from __future__ import annotations

from collections.abc import Mapping

from ml.types import Progress

Stages = Mapping[str, tuple[float, float]]  # stage -> (begin, end), as shares of the whole time


def overall(report: Progress, stages: Stages) -> Progress:
    """A stage may end with a number, such as the place in a queue: "waiting there 3"."""

    def tell(stage: str, share: float) -> bool:
        first, last = stages.get(stage.rstrip(" 0123456789"), (0.0, 1.0))
        return report(stage, first + (last - first) * min(max(share, 0.0), 1.0))

    return tell
