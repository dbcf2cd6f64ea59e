"""The face embedder: a small net that turns an upright head into a unit vector, so that faces can be
compared.

Its input is the whole head with hair, cropped by alignment.align. Vectors are compared by cosine, and only
with vectors of the same net. nano/embedder_training.py trains it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ml.nets.alignment import SIZE
from ml.nets.blocks import ResidualBlock, downsample


class Embedder(nn.Module):
    """(B, 3, 96, 96) in -1..1 -> (B, dim) unit vectors. Each of the `widths` halves the size."""

    def __init__(self, widths: tuple[int, ...] = (24, 48, 96, 160), dim: int = 128):
        super().__init__()
        stages = downsample(3, widths[0], kernel=4)
        for a, b in zip(widths, widths[1:]):
            stages += [ResidualBlock(a), *downsample(a, b)]
        self.body = nn.Sequential(*stages, ResidualBlock(widths[-1]))
        side = SIZE // 2 ** len(widths)
        self.head = nn.Linear(widths[-1] * side * side, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.head(self.body(x).flatten(1)).float(), dim=1)
