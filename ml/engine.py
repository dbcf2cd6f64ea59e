"""The door to what makes twins and pictures. An engine may run here (ml/local/engine.py) or elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ml.types import Picture, Progress, RenderSpec, Store, TrainReport, TrainSpec, go_on


class Engine(Protocol):
    """One method a verb. Errors are MLError with a stable code; a callback that asks to stop ends the work
    with Stopped."""

    def train(self, spec: TrainSpec, *, store: Store, on_progress: Progress = go_on) -> TrainReport:
        """A twin from accepted photos. Resumes from the store's checkpoint if there is one of the same
        training."""
        ...

    def render(
        self, spec: RenderSpec, *, store: Store | None = None, on_progress: Progress = go_on
    ) -> Iterator[Picture]:
        """The pictures, each as soon as it is done: all have passed `finish.finish`."""
        ...

    def close(self) -> None:
        """Frees memory."""
        ...
