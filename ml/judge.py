"""The door to what looks at photos and faces. It always runs on this machine."""

from __future__ import annotations

from collections.abc import Sequence

from ml import media
from ml.faces import Faces, compare
from ml.oom import memory_errors
from ml.types import Face, Inspection


class Judge:
    """Judges photos, one method a verb. Models are loaded at their first use, once; safe to share between
    threads.

    `threads` is torch's number of threads, None leaves it. Errors are MLError with a stable code.
    """

    def __init__(self, *, faces: Faces | None = None, threads: int | None = None):
        if threads:
            import torch

            torch.set_num_threads(threads)
        self.faces = faces or Faces()

    @property
    def embedder(self) -> str:
        """The name to keep beside every vector: vectors of different embedders are never compared."""
        return self.faces.name

    def inspect(self, data: bytes, others: Sequence[Inspection] = ()) -> Inspection:
        """The verdict on one uploaded file, beside the photos accepted so far. Never raises for a bad
        photo."""
        with memory_errors():
            return self.faces.inspect(data, others)

    def compare(self, said: Inspection, others: Sequence[Inspection]) -> Inspection:
        """An accepted verdict again, beside other photos. Quick: photos checked at the same time are
        settled one by one."""
        return compare(said, others)

    def embed(self, picture: bytes) -> list[tuple[Face, tuple[float, ...]]]:
        """Every face of one of our own pictures, largest first, with its vector."""
        with memory_errors():
            found = self.faces.describe(media.to_array(picture))
        return [(face, tuple(float(v) for v in vector)) for face, vector in found]
