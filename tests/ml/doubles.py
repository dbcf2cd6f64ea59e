"""Small classes that implement ml's interfaces for tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml import safety
from ml.faces import Faces
from ml.nets.scales import DRAWN
from ml.safety import PictureVerdict
from ml.types import Face


class OneEmbedder:
    """An embedder for every face, as ml.nets.embedders.Embedders is used. `vector_of` a picture's face."""

    def __init__(self, name: str, vector_of: Callable[[np.ndarray, Face], np.ndarray]):
        self.name, self.vector_of = name, vector_of

    def describe(self, picture: np.ndarray, face: Face) -> tuple[str, np.ndarray]:
        return self.name, self.vector_of(picture, face)

    def vector(self, name: str, picture: np.ndarray, face: Face) -> np.ndarray | None:
        return self.vector_of(picture, face) if name == self.name else None


def mean_colour(picture: np.ndarray, face: Face) -> np.ndarray:
    v = np.append(picture.reshape(-1, 3).mean(0), 64.0).astype(np.float32)
    return v / np.linalg.norm(v)


class CentredFaces(Faces):
    """Detects `count` faces in the middle of every picture, hidden by nothing. A vector is the mean colour.
    The first takes the share `wide` of the picture's width, the others the share `others` of the first's."""

    def __init__(self, count: int = 1, wide: float = 0.4, others: float = 1.0) -> None:
        self.widths = [wide, *[wide * others] * (count - 1)][:count]
        embedders = OneEmbedder(DRAWN, mean_colour)
        super().__init__(embedders=embedders, hidden=lambda *_: {})  # type: ignore[arg-type]

    def find(self, picture: np.ndarray) -> list[Face]:
        h, w = picture.shape[:2]
        at = ((0.4, 0.4), (0.6, 0.4), (0.5, 0.5), (0.42, 0.6), (0.58, 0.6))
        points = tuple((x * w, y * h) for x, y in at)
        boxes = [((0.5 - wide / 2) * w, 0.25 * h, (0.5 + wide / 2) * w, 0.75 * h) for wide in self.widths]
        return [Face(box, 1.0, points) for box in boxes]


class MemoryStore:
    """A store in memory that remembers the order of its writes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.written: list[str] = []

    def read(self, name: str) -> bytes:
        return self.files[name]

    def write(self, name: str, data: bytes) -> None:
        self.files[name] = data
        self.written.append(name)

    def exists(self, name: str) -> bool:
        return name in self.files

    def delete(self, name: str) -> None:
        self.files.pop(name, None)


class Said(safety.Detector):
    """A detector without a process, with a fixed `verdict`."""

    def __init__(self) -> None:
        super().__init__([])
        self.verdict = PictureVerdict(True, 0.0, "", "test")

    def judge(self, picture: np.ndarray) -> PictureVerdict:
        return self.verdict
