"""The interface of engines, which train twins and render pictures, here (ml/local/engine.py) or elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ml.animation import AnimateSpec, Clip
from ml.errors import Stopped
from ml.types import (
    Journal,
    Picture,
    Progress,
    RenderSpec,
    Restored,
    RestoreSpec,
    Store,
    TrainReport,
    TrainSpec,
    go_on,
)


def tell(on_progress: Progress, stage: str, share: float) -> None:
    """Reports progress; raises Stopped when the caller asks for it."""
    if on_progress(stage, share):
        raise Stopped


class Engine(Protocol):
    """Errors are MLError with a stable code. A callback that asks to stop makes the method raise
    Stopped. An engine elsewhere remembers its requests in `journal`; this machine's needs none."""

    def train(
        self, spec: TrainSpec, *, store: Store, on_progress: Progress = go_on, journal: Journal | None = None
    ) -> TrainReport:
        """Trains a twin on accepted photos. Resumes if the store holds a checkpoint of the same
        training."""
        ...

    def render(
        self,
        spec: RenderSpec,
        *,
        store: Store | None = None,
        on_progress: Progress = go_on,
        journal: Journal | None = None,
    ) -> Iterator[Picture]:
        """Yields each picture as soon as it is done; all have passed `finish.finish`. With a reference they
        are signed as edited. MLError `reference_*`, `mask_*`, `part_not_found`; `engine_without_reference`
        where the base cannot begin from a picture (catalogue.Base.references)."""
        ...

    def enlarge(
        self, spec: RenderSpec, *, times: int, store: Store, on_progress: Progress = go_on
    ) -> Picture:
        """The spec's reference, `times` as large, at most edit.PRINT_PIXELS; signed as edited. Only on this
        machine. MLError `print_too_large`, `reference_*`."""
        ...

    def restore(self, spec: RestoreSpec, *, on_progress: Progress = go_on) -> Restored:
        """Restores the faces of a picture; the result has passed `finish.finish`."""
        ...

    def animate(
        self,
        spec: AnimateSpec,
        *,
        store: Store | None = None,
        on_progress: Progress = go_on,
        journal: Journal | None = None,
    ) -> Clip:
        """A clip that has passed `finish_clip.finish`: screened, marked in every frame, signed. It is made
        anew once, with another seed, if it falls below a floor. Stages: "rendering" (the first picture),
        "animating", "checking", "encoding". MLError with one of animation.ERRORS, `reference_*`, `lora_*`,
        `result_refused`, `screening_unavailable`, and those of prompts, for both texts."""
        ...

    def close(self) -> None:
        """Frees memory."""
        ...
