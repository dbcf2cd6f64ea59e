"""Tells drawn faces from photographed ones by their vectors of the real embedder.

Drawn faces are all alike to a net that was trained on photographs: their vectors lie close to a subspace of
few dimensions. A face whose vector lies further from it than nearly all drawn ones is a photographed one. So
no photograph is needed to train it (ml/nano/drawn_or_real_training.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

WEIGHTS = Path(__file__).resolve().parent / "weights" / "drawn_or_real.safetensors"


@dataclass(frozen=True)
class DrawnOrReal:
    """`mean` and `spread` (128,) of drawn vectors, `axes` (n, 128) of unit length, and the `limit` of the
    squared distance from their subspace, in units of `spread`."""

    mean: np.ndarray
    spread: np.ndarray
    axes: np.ndarray
    limit: float

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> DrawnOrReal:
        found = load_file(path)
        return cls(found["mean"], found["spread"], found["axes"], float(found["limit"][0]))

    def save(self, path: Path = WEIGHTS) -> None:
        arrays = {"mean": self.mean, "spread": self.spread, "axes": self.axes, "limit": [self.limit]}
        save_file({name: np.asarray(value, np.float32) for name, value in arrays.items()}, path)

    def distance(self, vectors: np.ndarray) -> np.ndarray:
        """(..., 128) -> (...)."""
        z = (vectors - self.mean) / self.spread
        rest = z - (z @ self.axes.T) @ self.axes
        return np.asarray((rest**2).sum(-1))

    def is_drawn(self, vector: np.ndarray) -> bool:
        return bool(self.distance(vector) < self.limit)
