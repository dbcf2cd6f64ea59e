"""The nano base's picture codec: diffusers' AutoencoderKL with FLUX's 16 latent channels at an eighth of the size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ml.drawn.solid import MOUTH_Y
from ml.local.precision import mixed
from ml.nano.data import BUCKETS, face_map, load_all, sample
from ml.nano.stage import Clock, Stage
from ml.nets.alignment import EYES, MOUTH, SIZE

EVENNESS = 0.8  # 0 leaves the channels as they are, 1 makes every direction among them as wide as every other


def new_vae(channels: tuple[int, ...] = (16, 48, 96, 160)) -> Any:
    from diffusers import AutoencoderKL

    # One group: with few channels, smaller groups normalise a picture's overall colour away.
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


def picture_loss(made: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Absolute and squared error, and again on blurred planes and on colour differences, where a small net lags."""
    d = made - real
    soft = F.avg_pool2d(d, 4)
    blurred = soft.abs().mean() + (soft - soft.mean(1, keepdim=True)).abs().mean()
    colour = (d - d.mean(1, keepdim=True)).abs().mean()
    slope = (d[..., 1:] - d[..., :-1]).abs().mean() + (d[..., 1:, :] - d[..., :-1, :]).abs().mean()
    return d.abs().mean() + 2.0 * (d * d).mean() + 1.0 * blurred + 0.5 * colour + 0.15 * slope


def to_range(pictures: np.ndarray, device: str) -> torch.Tensor:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) float in -1..1."""
    x = torch.from_numpy(np.ascontiguousarray(pictures)).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
    return x.contiguous(memory_format=torch.channels_last)


def train_vae(
    work: Path, clock: Clock, *, last: int, steps: int, whole: float, batch: int, device: str, seed: int = 1
) -> Any:
    """On pictures 0..last-1, first 64-pixel crops, the last `whole` share of the steps whole. None when stopped before the end."""
    torch.manual_seed(seed)
    vae = new_vae().to(device, memory_format=torch.channels_last)
    stage = Stage(work / "vae.pt", vae, rate=1.5e-3, total=steps, decay=0.997)
    if stage.done:
        return stage.load_mean()
    groups = {b: p for b, (_, p) in load_all(work / "pictures", 0, last).items()}
    share = np.array([len(groups.get(b, ())) for b in range(len(BUCKETS))], float)

    def take(step: int) -> np.ndarray:
        rng = np.random.default_rng([seed, step])
        if step < steps * (1 - whole):
            out = []
            for _ in range(batch):
                group = groups[int(rng.choice(len(BUCKETS), p=share / share.sum()))]
                one = group[rng.integers(len(group))]
                y, x = rng.integers(one.shape[0] - 64 + 1), rng.integers(one.shape[1] - 64 + 1)
                out.append(one[y : y + 64, x : x + 64])
            return np.stack(out)
        group = groups[int(rng.choice(len(BUCKETS), p=share / share.sum()))]
        return group[rng.integers(len(group), size=max(batch // 3, 2))]

    def loss_of(step: int) -> torch.Tensor:
        x = to_range(take(step), device)
        with mixed(device):
            posterior = vae.encode(x).latent_dist
            made = vae.decode(posterior.sample(generator=torch.Generator(device).manual_seed(step))).sample
        return picture_loss(made.float(), x) + 1e-4 * posterior.kl().mean() / posterior.mean[0].numel()

    return stage.load_mean() if stage.run(loss_of, clock) else None


ALIKE = 0.2  # weight of the person against that of the pixels


def heads(x: torch.Tensor, numbers: np.ndarray) -> torch.Tensor:
    """(B, 3, H, W) drawn pictures of those numbers -> (B, 3, SIZE, SIZE): their heads as embedder.align cuts them out."""
    H, W = x.shape[2:]
    half, side = min(H, W) / 2, SIZE / 2
    rows = []
    for scene in (sample(int(n))[1] for n in numbers):
        reach = MOUTH_Y * scene.size * half / ((MOUTH[1] - EYES[1]) * SIZE) * side  # in pixels: half the cut
        cx = W / 2 + scene.dx * half
        cy = H / 2 + (scene.dy - 0.06) * half + reach * (1 - 2 * EYES[1])
        rows.append([[2 * reach / W, 0, 2 * cx / W - 1], [0, 2 * reach / H, 2 * cy / H - 1]])
    where = F.affine_grid(torch.tensor(rows, device=x.device), [len(x), 3, SIZE, SIZE], align_corners=False)
    return F.grid_sample(x, where, padding_mode="border", align_corners=False)


def train_decoder(
    vae: Any,
    who: nn.Module,
    work: Path,
    clock: Clock,
    *,
    last: int,
    steps: int,
    batch: int,
    device: str,
    seed: int = 7,
) -> Any:
    """The way out once more, the way in as it is, with the face as what counts: a frame of glasses is a pixel wide and a
    thousandth of the error, so whoever learns all pixels alike leaves it out. What tells people apart is weighed by `who`, an
    embedder. None when stopped before the end.

    On whole pictures 0..last-1, as a normalisation group spans the picture. Latents stay what they are.
    """
    torch.manual_seed(seed)
    vae = vae.to(device, memory_format=torch.channels_last).requires_grad_(False)
    stage = Stage(
        work / "decoder.pt",
        vae.decoder.requires_grad_(True),
        rate=5e-4,
        total=steps,
        decay=0.99,
        cooldown=0.8,
    )
    if stage.done:
        stage.load_mean()
        return vae.eval().requires_grad_(False)
    groups = load_all(work / "pictures", 0, last)
    share = np.array([len(n) for n, _ in groups.values()], float)

    def loss_of(step: int) -> torch.Tensor:
        rng = np.random.default_rng([seed, step])
        bucket = list(groups)[int(rng.choice(len(groups), p=share / share.sum()))]
        numbers, pictures = groups[bucket]
        rows = rng.integers(len(pictures), size=batch)
        x = to_range(pictures[rows], device)
        w = (
            face_map(numbers[rows], *x.shape[2:])[:, None].to(device) ** 2
        )  # of all pictures at once: gigabytes
        with mixed(device):
            with torch.no_grad():
                z = vae.encode(x).latent_dist.mode()
            made = vae.decoder(z)
        d = made.float() - x
        slope = (d[..., 1:] - d[..., :-1]).abs() * w[..., 1:]
        fall = (d[..., 1:, :] - d[..., :-1, :]).abs() * w[..., 1:, :]
        with torch.no_grad():
            true = who(heads(x, numbers[rows]))
        apart = 1 - (who(heads(made.float(), numbers[rows])) * true).sum(1).mean()
        return (
            (d.abs() * w).mean()
            + 2.0 * (d * d * w).mean()
            + 0.3 * (slope.mean() + fall.mean())
            + ALIKE * apart
        )

    done = stage.run(loss_of, clock)
    stage.load_mean()
    return vae.eval().requires_grad_(False) if done else None


def evening(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents' channels (16, N) -> (16, 16) matrix and (16,) middle: `matrix @ (z - middle)` has variance 1 and nearly the same in
    every direction.

    As learnt, one direction is twenty times as wide as another, and what makes a face lies in the narrow ones: noise hides it
    until the last step of sampling, which can only draw its average.
    """
    middle = z.mean(1)
    widths, axes = torch.linalg.eigh(torch.cov(z))
    matrix = axes @ torch.diag(widths.clamp(min=1e-6) ** (-EVENNESS / 2)) @ axes.T
    spread = (matrix @ (z - middle[:, None])).std()
    return matrix / spread, middle


@torch.no_grad()
def even_out(vae: Any, matrix: torch.Tensor, middle: torch.Tensor) -> None:
    """Put that matrix into the codec's own weights: after its last layer in, before its first layer out."""
    n, matrix, middle = len(middle), matrix.to(vae.device), middle.to(vae.device)
    into, out = vae.encoder.conv_out, vae.decoder.conv_in
    into.weight[:n] = torch.einsum("ij,jkhw->ikhw", matrix, into.weight[:n])
    into.bias[:n] = matrix @ (into.bias[:n] - middle)
    out.bias += out.weight.sum((2, 3)) @ middle
    out.weight[:] = torch.einsum("ojhw,ji->oihw", out.weight, torch.linalg.inv(matrix))
    vae.register_to_config(shift_factor=0.0, scaling_factor=1.0)


@torch.no_grad()
def psnr(vae: Any, pictures: np.ndarray, device: str = "cpu") -> float:
    """Mean over pictures, in decibels, of peak 255 against the squared error."""
    x = to_range(pictures, device)
    y = vae.decode(vae.encode(x).latent_dist.mode()).sample.clamp(-1, 1)
    error = ((x - y) / 2).pow(2).flatten(1).mean(1)
    return float((-10 * error.log10()).mean())
