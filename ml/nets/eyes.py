"""Judges how far each eye is open, frame by frame: the blink of a live selfie.

The input is a patch around one eye, scaled by the distance of the eyes; the right one is mirrored, so one
net judges both. ml/nano/eyes_training.py trains it on drawn eyes alone.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from ml.nets.alignment import warp
from ml.nets.blocks import ResidualBlock, downsample
from ml.nets.embedders import LazyNet
from ml.nets.hidden import levelled
from ml.types import Face

SIDE = 32
SPAN = 0.62  # side of the patch, in distances between the eyes
TALL = 1.05  # eye-to-mouth distance of a face from the front, in distances between the eyes
WEIGHTS = Path(__file__).resolve().parent / "weights" / "eyes.safetensors"


class Openness(nn.Module):
    """(B, 3, 32, 32) RGB 0..255 -> (B,) logits that the eye is open."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 48)):
        super().__init__()
        layers = downsample(3, widths[0], kernel=4)
        for a, b in zip(widths, widths[1:]):
            layers += [ResidualBlock(a), *downsample(a, b)]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.2))
        self.head = nn.Linear(widths[-1] * (SIDE // 2 ** len(widths)) ** 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(levelled(x)))[:, 0]


def patches(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(2, SIDE, SIDE, 3) uint8: the eye on the left of the picture, and the right one mirrored. `points` are
    a face's five. A turned face's eyes are nearer to each other, so the mouth's distance counts as well."""
    across = points[1] - points[0]
    down = points[3:5].mean(0) - points[:2].mean(0)
    unit = max(float(np.hypot(*across)), float(np.hypot(*down)) / TALL, 1.0)
    angle = np.arctan2(across[1], across[0])
    made = []
    for place in points[:2]:
        scale = SIDE / (SPAN * unit)
        c, s = scale * np.cos(angle), scale * np.sin(angle)
        matrix = np.array([[c, s, 0], [-s, c, 0]])
        matrix[:, 2] = SIDE / 2 - matrix[:, :2] @ place
        made.append(warp(picture, matrix, SIDE, border=cv2.BORDER_REPLICATE))
    return np.stack([made[0], made[1][:, ::-1]])


class Eyes:
    """The net with its weights, loaded at the first use. Thread-safe."""

    def __init__(self, weights: Path = WEIGHTS, device: str = "cpu"):
        self.net = LazyNet(Openness, weights, device)

    def __call__(self, picture: np.ndarray, face: Face) -> tuple[float, float]:
        """How likely each eye is open, 0..1, the one on the left of the picture first. MLError
        `faces_unavailable`."""
        found = patches(picture, np.asarray(face.points, np.float64))
        left, right = self.judge(found)
        return float(left), float(right)

    def judge(self, found: np.ndarray) -> np.ndarray:
        """(N, SIDE, SIDE, 3) uint8 -> (N,) probabilities."""
        logits = self.net(torch.from_numpy(np.ascontiguousarray(found)).permute(0, 3, 1, 2).float())
        return np.asarray(1 / (1 + np.exp(-logits)))
