"""Trains the VAE on the drawn pictures, and then its decoder further for faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ml.drawn.solid import MOUTH_Y, centre_of
from ml.local.precision import mixed
from ml.nano.data import Groups, choose_bucket, face_map, load_all, sample
from ml.nano.stage import Clock, Stage
from ml.nano.vae import new_vae, to_range
from ml.nets.alignment import EYES, MOUTH, SIZE

CROP = 64  # px
SAME_PERSON = 0.2  # weight of the embedder's loss relative to the pixels' loss


def train_vae(
    work: Path, clock: Clock, *, last: int, steps: int, whole: float, batch: int, device: str, seed: int = 1
) -> Any:
    """Trains on pictures 0..last-1: first crops, then whole pictures in the last `whole` share of the steps.

    Returns None when the clock stopped it before the end.
    """
    torch.manual_seed(seed)
    vae = new_vae().to(device, memory_format=torch.channels_last)
    stage = Stage(work / "vae.pt", vae, rate=1.5e-3, total=steps, decay=0.997)
    if stage.done:
        return stage.load_mean()
    groups = load_all(work / "pictures", 0, last)

    def loss_of(step: int) -> torch.Tensor:
        rng = np.random.default_rng([seed, step])
        cropped = step < steps * (1 - whole)
        taken = crops(groups, batch, rng) if cropped else whole_pictures(groups, batch, rng)
        x = to_range(taken, device)
        with mixed(device):
            posterior = vae.encode(x).latent_dist
            made = vae.decode(posterior.sample(generator=torch.Generator(device).manual_seed(step))).sample
        return picture_loss(made.float(), x) + 1e-4 * posterior.kl().mean() / posterior.mean[0].numel()

    return stage.load_mean() if stage.run(loss_of, clock) else None


def crops(groups: Groups, batch: int, rng: np.random.Generator) -> np.ndarray:
    """(batch, CROP, CROP, 3)"""
    out = []
    for _ in range(batch):
        _, group = groups[choose_bucket(groups, rng)]
        one = group[rng.integers(len(group))]
        y, x = rng.integers(one.shape[0] - CROP + 1), rng.integers(one.shape[1] - CROP + 1)
        out.append(one[y : y + CROP, x : x + CROP])
    return np.stack(out)


def whole_pictures(groups: Groups, batch: int, rng: np.random.Generator) -> np.ndarray:
    """(batch / 3, H, W, 3), at least two: a whole picture takes as long as about three crops."""
    _, group = groups[choose_bucket(groups, rng)]
    return group[rng.integers(len(group), size=max(batch // 3, 2))]


def picture_loss(made: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Absolute and squared error, plus errors of blurred pictures, colour differences and slopes, which a
    small net learns slowly."""
    d = made - real
    soft = F.avg_pool2d(d, 4)
    blurred = soft.abs().mean() + (soft - soft.mean(1, keepdim=True)).abs().mean()
    colour = (d - d.mean(1, keepdim=True)).abs().mean()
    slope = (d[..., 1:] - d[..., :-1]).abs().mean() + (d[..., 1:, :] - d[..., :-1, :]).abs().mean()
    return d.abs().mean() + 2.0 * (d * d).mean() + 1.0 * blurred + 0.5 * colour + 0.15 * slope


def train_decoder(
    vae: Any,
    embedder: nn.Module,
    work: Path,
    clock: Clock,
    *,
    last: int,
    steps: int,
    batch: int,
    device: str,
    seed: int = 7,
) -> Any:
    """Trains the decoder further, with the highest weight on the face. The encoder and so the latents stay.

    The rim of glasses is one pixel wide and a thousandth of the error, so an unweighted loss ignores it. The
    `embedder`'s loss weighs the differences between people. Trains on whole pictures 0..last-1, because the
    decoder's normalisation group spans the picture. Returns None when the clock stopped it before the end.
    """
    torch.manual_seed(seed)
    vae = vae.to(device, memory_format=torch.channels_last).requires_grad_(False)
    decoder = vae.decoder.requires_grad_(True)
    stage = Stage(work / "decoder.pt", decoder, rate=5e-4, total=steps, decay=0.99, cooldown=0.8)
    done = stage.done
    if not done:
        groups = load_all(work / "pictures", 0, last)

        def loss_of(step: int) -> torch.Tensor:
            rng = np.random.default_rng([seed, step])
            numbers, pictures = groups[choose_bucket(groups, rng)]
            rows = rng.integers(len(pictures), size=batch)
            return decoder_loss(vae, embedder, to_range(pictures[rows], device), numbers[rows])

        done = stage.run(loss_of, clock)
    stage.load_mean()
    return vae.eval().requires_grad_(False) if done else None


def decoder_loss(vae: Any, embedder: nn.Module, x: torch.Tensor, numbers: np.ndarray) -> torch.Tensor:
    """The loss of drawn pictures x (B, 3, H, W): pixels and slopes weighted by the face map, the person."""
    device = x.device.type
    # Computed per batch: the maps of all pictures would take gigabytes.
    w = face_map(numbers, *x.shape[2:])[:, None].to(x.device) ** 2
    with mixed(device):
        with torch.no_grad():
            z = vae.encode(x).latent_dist.mode()
        made = vae.decoder(z)
    d = made.float() - x
    across = (d[..., 1:] - d[..., :-1]).abs() * w[..., 1:]
    down = (d[..., 1:, :] - d[..., :-1, :]).abs() * w[..., 1:, :]
    with torch.no_grad():
        true = embedder(heads(x, numbers))
    apart = 1 - (embedder(heads(made.float(), numbers)) * true).sum(1).mean()
    pixels = (d.abs() * w).mean() + 2.0 * (d * d * w).mean()
    return pixels + 0.3 * (across.mean() + down.mean()) + SAME_PERSON * apart


def heads(x: torch.Tensor, numbers: np.ndarray) -> torch.Tensor:
    """Drawn pictures (B, 3, H, W) with their numbers -> (B, 3, SIZE, SIZE): the heads, cropped as by
    alignment.align."""
    H, W = x.shape[2:]
    half, side = min(H, W) / 2, SIZE / 2
    rows = []
    for scene in (sample(int(n))[1] for n in numbers):
        # Half the side of the crop, in pixels.
        reach = MOUTH_Y * scene.size * half / ((MOUTH[1] - EYES[1]) * SIZE) * side
        cx, cy = (long / 2 + at * half for long, at in zip((W, H), centre_of(scene)))
        cy += reach * (1 - 2 * EYES[1])
        rows.append([[2 * reach / W, 0, 2 * cx / W - 1], [0, 2 * reach / H, 2 * cy / H - 1]])
    where = F.affine_grid(torch.tensor(rows, device=x.device), [len(x), 3, SIZE, SIZE], align_corners=False)
    return F.grid_sample(x, where, padding_mode="border", align_corners=False)
