"""Who is it? A small net that turns an upright head into a unit vector, trained on drawn people by contrast.

It sees the whole head (hair included), eyes level, at 96 x 96. Its vectors are compared by cosine, and only with its own.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ml.nets.alignment import SIZE


class Net(nn.Module):
    """Residual convolutions; `widths` halve the size each. (B, 3, 96, 96) in -1..1 -> (B, dim) unit vectors."""

    def __init__(self, widths: tuple[int, ...] = (24, 48, 96, 160), dim: int = 128):
        super().__init__()
        stages: list[nn.Module] = [
            nn.Conv2d(3, widths[0], 4, stride=2, padding=1),
            nn.BatchNorm2d(widths[0]),
            nn.PReLU(widths[0]),
        ]
        for a, b in zip(widths, widths[1:]):
            stages += [Block(a), nn.Conv2d(a, b, 3, stride=2, padding=1), nn.BatchNorm2d(b), nn.PReLU(b)]
        self.body = nn.Sequential(*stages, Block(widths[-1]))
        side = SIZE // 2 ** len(widths)
        self.head = nn.Linear(widths[-1] * side * side, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.head(self.body(x).flatten(1)).float(), dim=1)


class Block(nn.Module):
    def __init__(self, n: int):
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(n, n, 3, padding=1),
            nn.BatchNorm2d(n),
            nn.PReLU(n),
            nn.Conv2d(n, n, 3, padding=1),
            nn.BatchNorm2d(n),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.inner(x)
