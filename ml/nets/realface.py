"""The embedder of real faces: dlib's residual net of 2017 (29 convolutions) in plain torch.

The weights were trained by Davis King on about three million photographs of 7,485 people (the face scrub
dataset, VGG, and pictures from the web) and are CC0; `python -m ml.nets.convert_dlib` converts them. Vectors
are compared by Euclidean distance: dlib's author recommends 0.6 as the limit for one person.

Legend: B batch, C channels.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ml.nets.alignment import similarity, warp
from ml.types import Face

SIZE, PADDING = 150, 0.25  # pixels of a chip's side; share of the face added on each side of it
MEAN = (122.782, 117.001, 104.298)  # of red, green, blue; subtracted from 0..255, then divided by 256
WEIGHTS = Path(__file__).resolve().parent / "weights" / "realface.safetensors"

# (blocks, channels) of each level. All levels but the first begin with a block of half the size.
LEVELS = ((3, 32), (4, 64), (3, 128), (3, 256), (1, 256))
# MTCNN's five points on dlib's mean face, as shares of its side: eyes, nose, corners of the mouth.
MEAN_FACE = np.array(
    [(0.2255, 0.2160), (0.7548, 0.2160), (0.4901, 0.5156), (0.2541, 0.7802), (0.7261, 0.7802)]
)


class Block(nn.Module):
    """Two convolutions beside a short cut: (B, C, H, W) -> (B, width, H, W), at half the size with `stride`
    2. The short cut is halved by averaging; the smaller of both sides is padded with zeros."""

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        self.stride = stride
        self.first = nn.Conv2d(channels, width, 3, stride=stride, padding=1 if stride == 1 else 0)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = self.second(F.relu(self.first(x)))
        short = F.avg_pool2d(x, 2) if self.stride == 2 else x
        shape = [max(a, b) for a, b in zip(made.shape, short.shape)]
        return F.relu(pad_to(made, shape) + pad_to(short, shape))


def pad_to(x: torch.Tensor, shape: list[int]) -> torch.Tensor:
    """Adds channels, rows and columns of zeros at the end."""
    _b, c, h, w = (b - a for a, b in zip(x.shape, shape))
    return F.pad(x, (0, w, 0, h, 0, c)) if c or h or w else x


class RealFace(nn.Module):
    """(B, 3, 150, 150) RGB in 0..255 -> (B, 128), not normalised. Batch norms are folded into the
    convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 7, stride=2)
        widths = [width for blocks, width in LEVELS for _ in range(blocks)]
        starts = {sum(blocks for blocks, _ in LEVELS[:i]) for i in range(1, len(LEVELS))}
        pairs = pairwise([32, *widths])
        self.blocks = nn.Sequential(*(Block(a, b, 2 if i in starts else 1) for i, (a, b) in enumerate(pairs)))
        self.head = nn.Linear(256, 128, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = torch.tensor(MEAN, device=x.device)[:, None, None]
        x = F.relu(self.stem((x - mean) / 256))
        x = self.blocks(F.max_pool2d(x, 3, stride=2))
        return self.head(x.mean((2, 3)))


def chip(picture: np.ndarray, face: Face) -> np.ndarray:
    """(150, 150, 3) uint8: the face, moved, turned and scaled so that its five points lie nearest to the
    mean face's (least squares)."""
    goal = (PADDING + MEAN_FACE) / (1 + 2 * PADDING) * SIZE
    return warp(picture, similarity(np.asarray(face.points, np.float64), goal), SIZE)
