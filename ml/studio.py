"""The door: everything the rest of the product may ask of the machine that makes pictures. One short method per verb."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ml.types import Face, Inspection, Picture, Progress, RenderSpec, Store, TrainReport, TrainSpec


def go_on(stage: str, share: float) -> bool:
    """A progress callback that never stops the work."""
    return False


class Studio(Protocol):
    """Errors are MLError with a stable code; a callback that asks to stop ends in Stopped."""

    def inspect(self, data: bytes, others: Sequence[Inspection] = ()) -> Inspection:
        """The verdict on one uploaded file, beside the photos accepted so far. Never raises for a bad photo."""
        ...

    def compare(self, said: Inspection, others: Sequence[Inspection]) -> Inspection:
        """An accepted verdict once more, beside other photos: quick, so that photos checked at once are settled one by one."""
        ...

    def embed(self, picture: bytes) -> list[tuple[Face, tuple[float, ...]]]:
        """Every face of one of our own pictures, largest first, with its vector."""
        ...

    def train(self, spec: TrainSpec, *, store: Store, on_progress: Progress = go_on) -> TrainReport:
        """A twin from accepted photos; goes on from the store's checkpoint when one of the same training is there."""
        ...

    def render(
        self, spec: RenderSpec, *, store: Store | None = None, on_progress: Progress = go_on
    ) -> Iterator[Picture]:
        """The pictures, one by one as they are done: screened, marked and signed."""
        ...

    def close(self) -> None:
        """Give memory back."""
        ...


def open_studio(
    profile: str = "nano",
    *,
    source: str | Path | None = None,
    keys: Path | None = None,
    device: str | None = None,
    threads: int | None = None,
    in_8_bits: bool = False,
) -> Studio:
    """The studio of a profile. Models are loaded at the first use of each verb.

    `source` puts a local directory in the base's place, `keys` is the folder of the signing key (made at first use),
    `device` None takes an accelerator when there is one, `threads` is torch's number of threads,
    `in_8_bits` renders with the base in 8 bits also where memory does not ask for it.
    """
    from ml.local.studio import LocalStudio

    return LocalStudio(profile, source=source, keys=keys, device=device, threads=threads, in_8_bits=in_8_bits)
