"""Judges whether eyes, nose and mouth are each visible, or something is before them.

The input is the face, laid by its five points in the frame that ml/drawn/covers.py draws in. Ordinary
glasses, beards and fringes hide nothing. ml/nano/hidden_training.py trains it, on drawn people alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from ml.nets.alignment import similarity, warp
from ml.nets.blocks import ResidualBlock, downsample
from ml.nets.embedders import LazyNet
from ml.types import Face

SIDE = 64
# Eyes, nose and corners of the mouth in the frame, as shares of its side.
FIVE = np.array([(0.32, 0.36), (0.68, 0.36), (0.5, 0.55), (0.345, 0.73), (0.655, 0.73)])
PARTS = ("left_eye", "right_eye", "nose", "mouth")  # as seen in the picture
WEIGHTS = Path(__file__).resolve().parent / "weights" / "hidden.safetensors"


# Probability that a part is hidden. Real faces as they are have at most 0.84, darkened or grey at most 0.975.
REFUSED = 0.99  # refused from here on
UNSURE = 0.6  # a hint from here on
NAMES = {"left_eye": "eyes", "right_eye": "eyes", "nose": "nose", "mouth": "mouth"}


def hidden_parts(probabilities: Mapping[str, float]) -> tuple[tuple[str, ...], bool]:
    """The hints ("eyes_hidden", "nose_hidden", "mouth_hidden"), and whether it is sure."""
    highest = dict.fromkeys(NAMES.values(), 0.0)
    for part, value in probabilities.items():
        highest[NAMES[part]] = max(highest[NAMES[part]], value)
    sure = max(highest.values()) >= REFUSED
    least = REFUSED if sure else UNSURE
    return tuple(f"{name}_hidden" for name, value in highest.items() if value >= least), sure


class Parts(nn.Module):
    """(B, 3, 64, 64) RGB 0..255 -> (B, 4) logits that a part is hidden."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 48, 64)):
        super().__init__()
        layers = downsample(3, widths[0], kernel=4)
        for a, b in zip(widths, widths[1:]):
            layers += [ResidualBlock(a), *downsample(a, b)]
        side = SIDE // 2 ** len(widths)
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.2))
        self.head = nn.Linear(widths[-1] * side * side, len(PARTS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(levelled(x)))


def levelled(x: torch.Tensor) -> torch.Tensor:
    """Without the picture's brightness, colour cast and contrast."""
    x = x - x.mean((2, 3), keepdim=True)
    return x / (x.std((1, 2, 3), keepdim=True) + 8)


def frame(picture: np.ndarray, face: Face, side: int = SIDE) -> np.ndarray:
    """(side, side, 3) uint8: the face in its frame."""
    matrix = similarity(np.asarray(face.points, np.float64), FIVE * side)
    return warp(picture, matrix, side, border=cv2.BORDER_REPLICATE)


class HiddenParts:
    """The net with its weights, loaded at the first use. Thread-safe."""

    def __init__(self, weights: Path = WEIGHTS, device: str = "cpu"):
        self.net = LazyNet(Parts, weights, device)

    def __call__(self, picture: np.ndarray, face: Face) -> dict[str, float]:
        """The probability of each of PARTS that it is hidden. MLError `faces_unavailable`."""
        return dict(zip(PARTS, self.judge(frame(picture, face)[None])[0].tolist()))

    def judge(self, frames: np.ndarray) -> np.ndarray:
        """(N, 64, 64, 3) uint8 -> (N, 4) probabilities."""
        logits = self.net(torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float())
        return 1 / (1 + np.exp(-logits))
