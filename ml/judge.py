"""The interface for inspecting photos and faces. It always runs on this machine."""

from __future__ import annotations

from collections.abc import Sequence

from ml import media
from ml.faces import Described, Faces, compare
from ml.oom import memory_errors
from ml.types import Inspection


class Judge:
    """Inspects and compares photos, embeds faces. Loads each model once, at its first use.
    Thread-safe.

    `threads` sets torch's number of threads; None leaves it. Errors are MLError with a stable code.
    """

    def __init__(self, *, faces: Faces | None = None, threads: int | None = None):
        if threads:
            import torch

            torch.set_num_threads(threads)
        self.faces = faces or Faces()

    def inspect(self, data: bytes, others: Sequence[Inspection] = ()) -> Inspection:
        """The verdict on one uploaded file. `others` are the photos accepted so far. Does not raise for a bad
        photo."""
        with memory_errors():
            return self.faces.inspect(data, others)

    def compare(self, said: Inspection, others: Sequence[Inspection]) -> Inspection:
        """Compares an accepted photo again with other photos. It is quick, so photos that were inspected in
        parallel can be compared one by one."""
        return compare(said, others)

    @property
    def embedders(self) -> tuple[str, ...]:
        """The names of the embedders in use; vectors by others are never compared with new ones."""
        return self.faces.embedders.in_use

    def embed(self, picture: bytes) -> list[Described]:
        """Every face in one of our own pictures with its vector, widest face first."""
        with memory_errors():
            return self.faces.describe(media.to_array(picture))
