"""Building blocks of the small nets."""

from __future__ import annotations

import torch
from torch import nn


def downsample(a: int, b: int, kernel: int = 3) -> list[nn.Module]:
    """a channels -> b channels at half the size."""
    return [nn.Conv2d(a, b, kernel, stride=2, padding=1), nn.BatchNorm2d(b), nn.PReLU(b)]


class ResidualBlock(nn.Module):
    """(B, n, H, W) -> the same shape."""

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
