"""Face embedders, each with its own crop, and the choice between them: drawn faces and real faces need
different nets. Distances are read with ml/nets/scales.py."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ml.errors import MLError
from ml.measures import eyes_and_mouth
from ml.nets import alignment, drawn_or_real, facenet, realface
from ml.nets.drawn_or_real import DrawnOrReal
from ml.nets.embedder import Embedder
from ml.nets.scales import DRAWN, FACENET, REAL
from ml.types import Face


class FaceEmbedder(Protocol):
    name: str

    def vector(self, picture: np.ndarray, face: Face) -> np.ndarray:
        """(H, W, 3) uint8 RGB and a face in it -> (D,) float32. MLError `faces_unavailable`."""
        ...


class LazyNet:
    """The net that `make` makes, with the weights of a file: loaded once, at its first use. Thread-safe."""

    def __init__(self, make: Callable[[], nn.Module], weights: Path, device: str):
        self.make, self.weights, self.device = make, weights, device
        self._lock = threading.Lock()
        self._net: nn.Module | None = None

    def __call__(self, x: torch.Tensor) -> np.ndarray:
        """(B, 3, H, W) -> (B, D) float32."""
        with torch.inference_mode():
            return np.asarray(self.load()(x.to(self.device)).float().cpu().numpy())

    def load(self) -> nn.Module:
        with self._lock:
            if self._net is None:
                net = self.make()
                with readable(self.weights):
                    net.load_state_dict({name: t.float() for name, t in load_file(self.weights).items()})
                self._net = net.eval().to(self.device)
            return self._net


@contextmanager
def readable(weights: Path) -> Iterator[None]:
    """Turns the errors of a file of weights that is missing, cut short or of another net into MLError."""
    try:
        yield
    except FileNotFoundError as e:
        message = "The face model is missing. Fetch or build its weights."
        raise MLError("faces_unavailable", message) from e
    except (OSError, SafetensorError, RuntimeError, KeyError) as e:
        message = f"The face model {weights.name} is damaged or of another version. Restore it: {e}"
        raise MLError("faces_unavailable", message) from e


def as_batch(*pictures: np.ndarray) -> torch.Tensor:
    """(H, W, 3) uint8 each -> (B, 3, H, W) float, 0..255."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()


class DrawnEmbedder:
    """For drawn faces: the whole head with hair; vectors of length 1."""

    name = DRAWN

    def __init__(self, weights: Path = alignment.WEIGHTS, device: str = "cpu"):
        self.net = LazyNet(Embedder, weights, device)

    def vector(self, picture: np.ndarray, face: Face) -> np.ndarray:
        return np.asarray(self.look([head_crop(picture, face)])[0])

    def look(self, heads: Sequence[np.ndarray]) -> np.ndarray:
        """Heads as alignment.align crops them -> (N, D)."""
        made = self.net(as_batch(*heads) / 127.5 - 1)
        return np.asarray(made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9))


class RealEmbedder:
    """For photographed faces: the mean vector of the aligned face and of its mirror image, so that a mirrored
    copy has the same vector. The length carries meaning and is kept."""

    name = REAL

    def __init__(self, weights: Path = realface.WEIGHTS, device: str = "cpu"):
        self.net = LazyNet(realface.RealFace, weights, device)

    def vector(self, picture: np.ndarray, face: Face) -> np.ndarray:
        aligned = realface.chip(picture, face)
        return np.asarray(self.net(as_batch(aligned, aligned[:, ::-1])).mean(0))


class FacenetEmbedder:
    """For photographed faces, where its weights are present; the mean with the mirror image, like dlib's."""

    name = FACENET

    def __init__(self, weights: Path = facenet.WEIGHTS, device: str = "cpu"):
        self.net = LazyNet(facenet.net, weights, device)

    def vector(self, picture: np.ndarray, face: Face) -> np.ndarray:
        cut = facenet.chip(picture, face)
        return np.asarray(self.net((as_batch(cut, cut[:, ::-1]) - 127.5) / 128).mean(0))


class Embedders:
    """The embedder of drawn faces and that of real ones, and the choice between them. dlib's net makes the
    choice, also where another net embeds the real faces."""

    def __init__(
        self,
        drawn_faces: FaceEmbedder | None = None,
        dlib: FaceEmbedder | None = None,
        real_faces: FaceEmbedder | None = None,
        device: str = "cpu",
    ):
        self.drawn_faces = drawn_faces or DrawnEmbedder(device=device)
        self.dlib = dlib or RealEmbedder(device=device)
        installed = FacenetEmbedder(device=device) if facenet.is_present() else self.dlib
        self.real_faces = real_faces or installed
        with readable(drawn_or_real.WEIGHTS):
            self.judge = DrawnOrReal.load()

    def describe(self, picture: np.ndarray, face: Face) -> tuple[str, np.ndarray]:
        """(the name of the embedder that suits the face, its vector)."""
        known = self.dlib.vector(picture, face)
        best = self.drawn_faces if self.judge.is_drawn(known) else self.real_faces
        return best.name, known if best is self.dlib else best.vector(picture, face)

    def vector(self, name: str, picture: np.ndarray, face: Face) -> np.ndarray | None:
        """The vector by the embedder of this name; None when there is no such embedder any more."""
        for embedder in (self.drawn_faces, self.real_faces, self.dlib):
            if embedder.name == name:
                return embedder.vector(picture, face)
        return None

    @property
    def in_use(self) -> tuple[str, ...]:
        """The names of the embedders that describe() chooses from."""
        return self.drawn_faces.name, self.real_faces.name


def head_crop(picture: np.ndarray, face: Face) -> np.ndarray:
    """(96, 96, 3) uint8: the whole head, upright."""
    return alignment.align(picture, *eyes_and_mouth(face))
