"""The interface for inspecting photos and faces. It always runs on this machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml import media, selfie
from ml.faces import Described, Faces, compare
from ml.nets.eyes import Eyes
from ml.nets.scales import is_drawn
from ml.oom import memory_errors
from ml.types import Face, Inspection, Movement, SelfieVerdict

SOUGHT_LEAST = 64  # px of the short side of a picture that faces are searched with


class Judge:
    """Inspects and compares photos, embeds faces. Loads each model once, at its first use.
    Thread-safe.

    `threads` sets torch's number of threads; None leaves it. `ages` estimates a face's years where the
    operator has a model for it; none is shipped. Errors are MLError with a stable code.
    """

    def __init__(
        self, *, faces: Faces | None = None, threads: int | None = None, ages: selfie.Ages | None = None
    ):
        if threads:
            import torch

            torch.set_num_threads(threads)
        self.faces, self.eyes, self.ages = faces or Faces(), Eyes(), ages

    def inspect(self, data: bytes, others: Sequence[Inspection] = ()) -> Inspection:
        """The verdict on one uploaded file. `others` are the photos accepted so far. Does not raise for a bad
        photo."""
        with memory_errors():
            return self.faces.inspect(data, others)

    def framing(self, frame: bytes, width: int) -> str:
        """The code of what `inspect` would find first in a photo `width` px wide, told from a small frame; ""
        for nothing. Raises PhotoRefused."""
        with memory_errors():
            return self.faces.framing(frame, width)

    def compare(self, said: Inspection, others: Sequence[Inspection]) -> Inspection:
        """Compares an accepted photo again with other photos. It is quick, so photos that were inspected in
        parallel can be compared one by one."""
        return compare(said, others)

    def verify_selfie(self, movements: Sequence[Movement], photos: Sequence[Inspection]) -> SelfieVerdict:
        """Whether a living person made the movements in this order, and is the one on the accepted photos.
        Does not raise for bad frames."""
        with memory_errors():
            return selfie.verify(movements, photos, faces=self.faces, eyes=self.eyes, ages=self.ages)

    @property
    def embedders(self) -> tuple[str, ...]:
        """The names of the embedders in use; vectors by others are never compared with new ones."""
        return self.faces.embedders.in_use

    def find(self, picture: np.ndarray) -> list[Face]:
        """The faces in (H, W, 3) uint8, widest first."""
        with memory_errors():
            return self.faces.find(picture)

    def embed(self, picture: bytes, faces: Sequence[Face] | None = None) -> list[Described]:
        """Every face in one of our own pictures with its vector, widest face first; of these `faces`, where
        they are known."""
        with memory_errors():
            return self.faces.describe(media.to_array(picture), faces)

    def seek(self, data: bytes, older: Sequence[str] = ()) -> dict[str, np.ndarray]:
        """By embedder, the vectors of the one face in an uploaded picture: of the embedder in use that suits
        it, and of `older` ones of its kind. Raises PhotoRefused, also `face_unclear`."""
        with memory_errors():
            picture = media.to_array(media.clean(data, min_side=SOUGHT_LEAST).jpeg)
            face = self.faces.alone(picture)
            name, vector = self.faces.embedders.describe(picture, face)
            others = [other for other in older if is_drawn(other) == is_drawn(name)]
            found = {other: self.faces.embedders.vector(other, picture, face) for other in others}
            return {n: v for n, v in found.items() if v is not None} | {name: vector}

    def vector(self, picture: bytes, face: Face, embedder: str) -> np.ndarray | None:
        """The face's vector by an embedder, which need not be in use any more; None when it is gone."""
        with memory_errors():
            return self.faces.embedders.vector(embedder, media.to_array(picture), face)
