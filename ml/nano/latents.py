"""Encodes the drawn pictures once and caches the latents, evened out by `vae.evening`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ml.local.precision import mixed
from ml.nano.data import load_all
from ml.nano.vae import even_out, evening, to_range

Latents = dict[int, tuple[np.ndarray, torch.Tensor]]  # bucket -> picture numbers (N,), latents (N, 16, h, w)
ENCODED = 64  # pictures per encoding batch


@torch.no_grad()
def cache_latents(vae: Any, work: Path, last: int, device: str, *, even: bool = True) -> Latents:
    """The latents of pictures 0..last-1, in half precision, as the evened-out VAE encodes them.

    Also evens out `vae` itself, even if the latents are cached. `even=False` is for a VAE that is already
    evened out, and leaves it unchanged.
    """
    path, mark = work / "latents.pt", float(vae.encoder.conv_out.weight.detach().abs().sum())
    saved = torch.load(path, weights_only=True) if path.exists() else {}
    if saved.get("vae") != mark:  # no latents yet, or from another VAE
        saved = evened(encode_all(vae, work / "pictures", last, device), even) | {"vae": mark}
        aside = path.with_suffix(".tmp")
        torch.save(saved, aside)
        aside.rename(path)
        (work / "critic.pt").unlink(missing_ok=True)  # the critic was trained on other latents
    even_out(vae, saved["matrix"], saved["mean"])
    return {b: (n.numpy(), z) for b, (n, z) in saved["z"].items()}


def encode_all(vae: Any, pictures: Path, last: int, device: str) -> dict[int, tuple[Any, torch.Tensor]]:
    """bucket -> (numbers, latents in float32) of pictures 0..last-1."""
    out = {}
    for b, (numbers, group) in load_all(pictures, 0, last).items():
        parts = []
        for i in range(0, len(group), ENCODED):
            with mixed(device):
                x = to_range(group[i : i + ENCODED], device)
                parts.append(vae.encode(x).latent_dist.mode().float().cpu())
        out[b] = (torch.from_numpy(numbers), torch.cat(parts))
    return out


def evened(found: dict[int, tuple[Any, torch.Tensor]], even: bool) -> dict[str, Any]:
    """The cache's content: latents in the even basis, and the matrix and mean of the change of basis."""
    matrix, mean = torch.eye(16), torch.zeros(16)
    if even:
        matrix, mean = evening(torch.cat([z.transpose(0, 1).flatten(1) for _, z in found.values()], 1))
    halves = {
        b: (n, torch.einsum("ij,njhw->nihw", matrix, z - mean[:, None, None]).half())
        for b, (n, z) in found.items()
    }
    return {"z": halves, "matrix": matrix, "mean": mean}
