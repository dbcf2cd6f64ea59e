"""The nano base's VAE: diffusers' AutoencoderKL with FLUX's 16 latent channels at an eighth of the size.

This module has the net, the change of basis that evens out its latents, and its PSNR. vae_training.py
trains it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

EVENNESS = 0.8  # 0 leaves the latent channels unchanged, 1 whitens them: the same variance in every direction


def new_vae(channels: tuple[int, ...] = (16, 48, 96, 160)) -> Any:
    from diffusers import AutoencoderKL

    # One group: with few channels, smaller groups would remove a picture's overall colour.
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=16,
        layers_per_block=1,
        norm_num_groups=1,
        sample_size=128,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=channels,
        mid_block_add_attention=False,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )


def to_range(pictures: np.ndarray, device: str) -> torch.Tensor:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) float in -1..1."""
    x = torch.from_numpy(np.ascontiguousarray(pictures)).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
    return x.contiguous(memory_format=torch.channels_last)


def evening(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents' channels (16, N) -> a matrix (16, 16) and the mean (16,): `matrix @ (z - mean)` has variance
    1, and nearly the same variance in every direction.

    The trained VAE's widest direction is twenty times as wide as its narrowest, and faces use the narrow
    ones. Noise hides these until the last sampling step, which can then only draw an average face.
    """
    mean = z.mean(1)
    variances, axes = torch.linalg.eigh(torch.cov(z))
    matrix = axes @ torch.diag(variances.clamp(min=1e-6) ** (-EVENNESS / 2)) @ axes.T
    spread = (matrix @ (z - mean[:, None])).std()
    return matrix / spread, mean


@torch.no_grad()
def even_out(vae: Any, matrix: torch.Tensor, mean: torch.Tensor) -> None:
    """Folds the result of `evening` into the VAE's weights: encoder.conv_out and decoder.conv_in."""
    n, matrix, mean = len(mean), matrix.to(vae.device), mean.to(vae.device)
    last, first = vae.encoder.conv_out, vae.decoder.conv_in
    last.weight[:n] = torch.einsum("ij,jkhw->ikhw", matrix, last.weight[:n])
    last.bias[:n] = matrix @ (last.bias[:n] - mean)
    first.bias += first.weight.sum((2, 3)) @ mean
    first.weight[:] = torch.einsum("ojhw,ji->oihw", first.weight, torch.linalg.inv(matrix))
    vae.register_to_config(shift_factor=0.0, scaling_factor=1.0)


@torch.no_grad()
def psnr(vae: Any, pictures: np.ndarray, device: str = "cpu") -> float:
    """The mean PSNR of the pictures in decibels: peak 255 against the mean squared error."""
    x = to_range(pictures, device)
    y = vae.decode(vae.encode(x).latent_dist.mode()).sample.clamp(-1, 1)
    error = ((x - y) / 2).pow(2).flatten(1).mean(1)
    return float((-10 * error.log10()).mean())
