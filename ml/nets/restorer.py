"""Takes blur, noise, JPEG blocks and enlargement out of a picture: a small residual U-Net.

It is fully convolutional and sees about 200 px around each pixel: it predicts what to add to the picture that
it is given, and knows nothing of faces as such, so that it sharpens what is there and adds no feature that is
not. ml/nano/restorer_training.py trains it, on drawn people and on pictures made by code alone.

Legend: B batch, C channels, H W pixels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ml.nets.embedders import LazyNet

WIDTHS = (24, 48, 96, 128)  # channels at 1/2, 1/4, 1/8 and 1/16 of the side
DEPTHS = (1, 2, 3, 2)  # blocks on the way down; on the way up one fewer, at least one
STEP = 2 ** len(WIDTHS)  # a side's divisor
TILE, OVERLAP = 768, 64  # px; larger pictures are restored in tiles, to bound the memory
WEIGHTS = Path(__file__).resolve().parent / "weights" / "restorer.safetensors"


class Block(nn.Module):
    """Two convolutions beside a short cut: (B, C, H, W) -> the same shape. Begins near the identity."""

    def __init__(self, n: int):
        super().__init__()
        self.first, self.second = nn.Conv2d(n, n, 3, padding=1), nn.Conv2d(n, n, 3, padding=1)
        nn.init.normal_(self.second.weight, std=0.02)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(F.relu(self.first(x)))


def blocks(n: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Block(n) for _ in range(count)))


class Restorer(nn.Module):
    """(B, 3, H, W) RGB 0..1, sides multiples of STEP -> the same, restored; not clipped."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS, depths: tuple[int, ...] = DEPTHS):
        super().__init__()
        pairs = list(zip(widths, widths[1:]))
        self.stem = nn.Conv2d(12, widths[0], 3, padding=1)
        self.down = nn.ModuleList(blocks(n, d) for n, d in zip(widths, depths))
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairs)
        self.grow = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs)
        self.up = nn.ModuleList(blocks(n, max(1, d - 1)) for n, d in zip(widths[:-1], depths))
        self.last = nn.Conv2d(widths[0], 12, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, skips = self.stem(F.pixel_unshuffle(x - 0.5, 2)), []
        for level, body in enumerate(self.down):
            y = body(y)
            if level < len(self.shrink):
                skips.append(y)
                y = self.shrink[level](y)
        for level in reversed(range(len(self.up))):
            y = F.interpolate(self.grow[level](y), scale_factor=2, mode="bilinear", align_corners=False)
            y = self.up[level](y + skips[level])
        return x + F.pixel_shuffle(self.last(y), 2).to(x.dtype)


class PictureRestorer:
    """The net with its weights, loaded at the first use. Thread-safe."""

    name = "photoflux-restorer-1"

    def __init__(self, weights: Path = WEIGHTS, device: str = "cpu"):
        self.net = LazyNet(Restorer, weights, device)

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> the same. MLError `faces_unavailable` without the weights."""
        height, width = picture.shape[:2]
        if max(height, width) <= TILE:
            return self._whole(picture)
        out = np.empty_like(picture)
        inner = TILE - 2 * OVERLAP
        for y in range(0, height, inner):
            for x in range(0, width, inner):
                top, left = max(0, y - OVERLAP), max(0, x - OVERLAP)
                made = self._whole(picture[top : y + inner + OVERLAP, left : x + inner + OVERLAP])
                part = made[y - top : y - top + inner, x - left : x - left + inner]
                out[y : y + inner, x : x + inner] = part
        return out

    def _whole(self, picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        padded = np.pad(picture, ((0, -height % STEP), (0, -width % STEP), (0, 0)), mode="edge")
        x = torch.from_numpy(np.ascontiguousarray(padded)).permute(2, 0, 1)[None].float() / 255
        made = self.net(x.contiguous(memory_format=torch.channels_last))[0].transpose(1, 2, 0)
        return (np.clip(made[:height, :width], 0, 1) * 255 + 0.5).astype(np.uint8)
