"""Sampling that begins from a picture: image-to-image, and painting a part of it again.

The picture's tokens z are noised to the time t = strength, x = (1 - t) z + t noise, and sampled from there to
0 with as many steps as a whole picture takes. Under a mask, what lies outside is set back to the noised
picture after each step, as diffusers' FluxInpaintPipeline does. With strength 1 and no mask it is
sampling from noise.

B batch, H W pixels, n = H/16 * W/16 tokens of C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ml.local.families import encode_picture, family_of
from ml.local.sample import Raw, Sampler


@dataclass(frozen=True)
class Start:
    """Where the sampling begins. `picture`: (H, W, 3) uint8 of the rendered size. `mask`: (H, W) bool, True
    where it is painted again; None everywhere."""

    picture: np.ndarray
    strength: float
    mask: np.ndarray | None = None

    @property
    def size(self) -> tuple[int, int]:
        return self.picture.shape[1], self.picture.shape[0]


@torch.no_grad()
def repaint(
    sampler: Sampler, text: str, start: Start, *, steps: int, seeds: Sequence[int], negative: str = ""
) -> list[Raw]:
    """One picture for each seed, for `Sampler.small` or `deliver`."""
    pipe, family = sampler.pipe, family_of(sampler.base)
    z = encode_picture(pipe, sampler.base, _to_range(start.picture, pipe.vae.device)).float()
    noise = torch.cat([family.noise(start.size, z.shape[2], seed) for seed in seeds]).to(z)
    times = start.strength * family.times(z.shape[1], steps)
    kept = None if start.mask is None else _kept(start.mask, z.shape[2]).to(z.device)

    def noised(t: torch.Tensor) -> torch.Tensor:
        return (1 - t) * z + t * noise

    def set_back(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return x if kept is None else torch.where(kept, noised(t), x)

    words = sampler.guiding([text] * len(seeds), negative)
    return sampler.flow(noised(times[0]), times, words, size=start.size, after=set_back)


def _to_range(picture: np.ndarray, device: torch.device) -> torch.Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) in -1..1."""
    return torch.from_numpy(picture.copy()).to(device).permute(2, 0, 1)[None].float() / 127.5 - 1


def _kept(mask: np.ndarray, channels: int) -> torch.Tensor:
    """(H, W) bool, True where it is painted -> (1, n, C) bool, True where the picture stays. A latent cell of
    8 x 8 pixels is painted if any of its pixels is."""
    h, w = mask.shape[0] // 8, mask.shape[1] // 8
    painted = torch.from_numpy(mask.reshape(h, 8, w, 8).any(axis=(1, 3)))
    cells = painted.view(h // 2, 2, w // 2, 2).permute(0, 2, 1, 3).reshape(1, h * w // 4, 1, 4)
    return ~cells.expand(-1, -1, channels // 4, -1).reshape(1, h * w // 4, channels)
