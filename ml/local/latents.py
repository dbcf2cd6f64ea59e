"""Packs latents into tokens, and gives the tokens' positions.

B batch, H W pixels, h w latent cells (H/8, W/8): latents (B, 16, h, w) -> packed (B, h*w/4, 64).
"""

from __future__ import annotations

import torch


def pack(z: torch.Tensor) -> torch.Tensor:
    """(B, 16, h, w) -> (B, h*w/4, 64)."""
    B, C, h, w = z.shape
    return z.view(B, C, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5).reshape(B, h * w // 4, C * 4)


def unpack(x: torch.Tensor, h: int, w: int) -> torch.Tensor:
    """(B, h*w/4, 64) -> (B, 16, h, w)."""
    B, n, C = x.shape
    return x.view(B, h // 2, w // 2, C // 4, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(B, C // 4, h, w)


def pack_mask(mask: torch.Tensor) -> torch.Tensor:
    """(B, H, W) weights of pixels -> (B, h*w/4, 1) weights of tokens: means over 16 x 16 pixels."""
    return torch.nn.functional.avg_pool2d(mask[:, None], 16).flatten(2).transpose(1, 2)


def image_ids(h: int, w: int, device: str) -> torch.Tensor:
    """(h*w/4, 3): zero, row and column of each token."""
    ids = torch.zeros(h // 2, w // 2, 3, device=device)
    ids[..., 1] += torch.arange(h // 2, device=device)[:, None]
    ids[..., 2] += torch.arange(w // 2, device=device)[None, :]
    return ids.reshape(-1, 3)
