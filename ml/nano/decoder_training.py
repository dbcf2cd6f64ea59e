"""Trains the base's own decoder (ml/nets/decoder.py) on pairs of latents and drawings (pairs.py).

First the pixels' error alone; then also against rivals that tell made pictures from drawings, because the
mean of all possible eyes is a blur. The rivals' features of both pictures must agree, the face embedder must
see the same person and the reader the same scene.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ml.drawn.solid import MOUTH_Y, rotation
from ml.local.precision import mixed
from ml.nano import reader_training
from ml.nano.data import choose_bucket, face_map, sample
from ml.nano.pairs import Pairs
from ml.nano.stage import Clock, Stage
from ml.nano.vae import to_range
from ml.nano.vae_training import heads
from ml.nets.decoder import Decoder, larger

CROP = 80  # px of the small picture: the part that is trained at full size
EYES = 4.0  # weight of the eyes and the mouth in that part; 1 elsewhere
EDGE = 8  # px of that part's edge that are not judged: the rest of the picture is missing there
SCALES = (1, 2, 4)  # by which the rivals' pictures are shrunk
NOISE = 0.12  # most noise on the latents
ALONE = 0.6  # the share of the steps without the rivals
# Weights of the losses relative to the pixels'.
FEATURES, RIVAL, SAME_PERSON, SAME_SCENE = 0.3, 0.03, 0.15, 0.01


class Rival(nn.Module):
    """Pictures (B, 3, H, W) -> features at four depths, the last of them how much each part looks drawn (> 0)
    or made."""

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 128)):
        super().__init__()
        a, b, c = widths
        layers = [nn.Conv2d(i, o, 4, stride=2, padding=1) for i, o in ((3, a), (a, b), (b, c))]
        layers += [nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, 1, 3, padding=1)]
        self.layers = nn.ModuleList(spectral_norm(layer) for layer in layers)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        out = []
        for layer in self.layers[:-1]:
            x = F.leaky_relu(layer(x), 0.2)
            out.append(x.float())
        return [*out, self.layers[-1](x).float()]


class Rivals(nn.Module):
    """A rival for each of SCALES: the finest sees edges, the coarsest a whole face with both eyes."""

    def __init__(self) -> None:
        super().__init__()
        self.each = nn.ModuleList(Rival() for _ in SCALES)

    def forward(self, x: torch.Tensor) -> list[list[torch.Tensor]]:
        return [rival(F.avg_pool2d(x, k) if k > 1 else x) for rival, k in zip(self.each, SCALES)]


class Contest(Stage):
    """A stage whose checkpoint also holds the rivals and their optimizer."""

    def __init__(self, path: Path, model: nn.Module, rivals: nn.Module, *, rate: float, total: int):
        self.rivals = rivals
        self.learner = torch.optim.AdamW(rivals.parameters(), lr=rate, betas=(0.5, 0.99))
        super().__init__(path, model, rate=rate, total=total, decay=0.995, cooldown=0.35)

    def state(self) -> dict[str, Any]:
        return super().state() | {"rivals": self.rivals.state_dict(), "learner": self.learner.state_dict()}

    def restore(self, saved: dict[str, Any]) -> None:
        super().restore(saved)
        self.rivals.load_state_dict(saved["rivals"])
        self.learner.load_state_dict(saved["learner"])

    def teach_rivals(self, drawn: torch.Tensor, made: torch.Tensor) -> None:
        """One step: drawn pictures above 1, made ones below -1."""
        self.rivals.requires_grad_(True)
        with mixed(drawn.device.type):
            looks = zip(self.rivals(drawn), self.rivals(made.detach()))
        wrong = [F.relu(1 - real[-1]).mean() + F.relu(1 + fake[-1]).mean() for real, fake in looks]
        torch.stack(wrong).mean().backward()
        self.learner.step()
        self.learner.zero_grad(set_to_none=True)
        self.rivals.requires_grad_(False)


@dataclass
class Taken:
    """One batch: the drawings' numbers, the latents, the small drawings, and the part of each that is trained
    at full size."""

    numbers: np.ndarray
    z: torch.Tensor  # (B, 16, h, w)
    small: torch.Tensor  # (B, 3, 8h, 8w)
    part: torch.Tensor  # (B, 3, CROP times, CROP times)
    weights: torch.Tensor  # (B, 1, CROP times, CROP times): how much the part's pixels count
    corners: list[tuple[int, int]]  # row and column of each part in the small picture

    def parts(self, x: torch.Tensor) -> torch.Tensor:
        """The same parts of something of the small picture's size."""
        return cut(x, self.corners, CROP)


def cut(x: torch.Tensor, corners: list[tuple[int, int]], side: int) -> torch.Tensor:
    return torch.stack([one[..., r : r + side, c : c + side] for one, (r, c) in zip(x, corners)])


def take(pairs: Pairs, batch: int, seed: int, step: int, device: str) -> Taken:
    rng = np.random.default_rng([seed, step])
    numbers, drawings, latents = pairs[choose_bucket({k: v[:2] for k, v in pairs.items()}, rng)]
    rows = rng.integers(len(numbers), size=batch)
    z = torch.from_numpy(latents[rows, rng.integers(2, size=batch)]).float()
    noise = torch.from_numpy(rng.standard_normal(z.shape)).float()
    z = (z + torch.from_numpy(rng.uniform(0, NOISE, (batch, 1, 1, 1))).float() * noise).to(device)
    whole = to_range(drawings[rows], device)
    times = whole.shape[2] // (8 * z.shape[2])
    small = F.avg_pool2d(whole, times)
    height, width = small.shape[2:]
    corners = list(corners_of(numbers[rows], height, width, rng))
    part = cut(whole, [(times * r, times * c) for r, c in corners], times * CROP)
    weights = larger(weights_of(numbers[rows], corners, height, width), times).to(device)
    z = z.contiguous(memory_format=torch.channels_last)
    return Taken(numbers[rows], z, small, part, weights, corners)


def corners_of(
    numbers: np.ndarray, height: int, width: int, rng: np.random.Generator
) -> Iterator[tuple[int, int]]:
    """Where each part begins: three of four around the face, the rest anywhere."""
    half = min(height, width) / 2
    for n in numbers:
        scene = sample(int(n))[1]
        at = (height / 2 + (scene.dy - 0.06 + 0.25 * scene.size) * half, width / 2 + scene.dx * half)
        near = [v - CROP / 2 + rng.normal(0, 6) for v in at]
        far = [rng.uniform(0, side - CROP) for side in (height, width)]
        where = near if rng.random() < 0.75 else far
        r, c = (int(np.clip(v, 0, side - CROP)) for v, side in zip(where, (height, width)))
        yield r, c


def weights_of(numbers: np.ndarray, corners: list[tuple[int, int]], height: int, width: int) -> torch.Tensor:
    """(B, 1, CROP, CROP): how much each cell of the parts counts; more at the eyes and the mouth, which are
    small and what people look at. The mean is 1."""
    half, rows = min(height, width) / 2, []
    for n, (r, c) in zip(numbers, corners):
        scene = sample(int(n))[1]
        x, y = (np.arange(CROP) + 0.5 + at for at in (c, r))
        U = ((x - width / 2) / half - scene.dx)[None] / scene.size
        V = ((y - height / 2) / half - scene.dy + 0.06)[:, None] / scene.size
        row = np.ones((CROP, CROP))
        for low, across in ((0.0, 0.55), (MOUTH_Y, 0.38)):
            u, v, _ = rotation(scene) @ (0, low, 0.83)
            row += (EYES - 1) * np.exp(-(((U - u) / across) ** 4) - ((V - v) / 0.17) ** 4)
        rows.append(row)
    found = torch.from_numpy(np.stack(rows))[:, None].float()
    return found / found.mean()


def pixel_loss(made: torch.Tensor, real: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Absolute errors of pixels and of slopes, and of colours over 8 x 8 pixels."""
    d = made - real
    across, down = d[..., 1:] - d[..., :-1], d[..., 1:, :] - d[..., :-1, :]
    slope = (across.abs() * weight[..., 1:]).mean() + (down.abs() * weight[..., 1:, :]).mean()
    return (d.abs() * weight).mean() + 0.5 * slope + 0.5 * F.avg_pool2d(d, 8).abs().mean()


class Losses:
    """The decoder's loss of one step. `told` keeps its parts."""

    def __init__(self, decoder: Decoder, embedder: nn.Module, reader: nn.Module, device: str):
        self.decoder, self.embedder, self.reader = decoder, embedder, reader
        self.device = device
        self.told: dict[str, float] = {}

    def made(self, taken: Taken) -> tuple[torch.Tensor, torch.Tensor]:
        """The small pictures, and the parts at full size."""
        with mixed(self.device):
            features = self.decoder.features(taken.z)
            small = self.decoder.small(features)
            detail = self.decoder.detail(taken.parts(features).contiguous(memory_format=torch.channels_last))
        return small.float(), larger(taken.parts(small).float(), self.decoder.times) + detail.float()

    def pixels(self, taken: Taken, small: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
        weight = face_map(taken.numbers, *small.shape[2:])[:, None].to(small.device) ** 2
        near = pixel_loss(inner(part), inner(taken.part), inner(taken.weights))
        return pixel_loss(small, taken.small, weight / weight.mean()) + near

    def person(self, taken: Taken, small: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            true = self.embedder(heads(taken.small, taken.numbers))
        return 1 - (self.embedder(heads(small, taken.numbers)) * true).sum(1).mean()

    def scene(self, taken: Taken, small: torch.Tensor) -> torch.Tensor:
        wanted = torch.tensor([reader_training.labels(sample(int(n))[1]) for n in taken.numbers])
        square = F.interpolate(small, (128, 128), mode="area")
        return reader_training.loss(self.reader(square), wanted.to(small.device))

    def against(
        self, rivals: nn.Module, taken: Taken, part: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """How far the rivals' features are apart, and how made the parts look to them."""
        with mixed(self.device):
            with torch.no_grad():
                true = rivals(inner(taken.part))
            seen = rivals(inner(part))
        weights, pairs = inner(taken.weights), [p for one in zip(seen, true) for p in list(zip(*one))[:-1]]
        apart = torch.stack([difference(a, b, weights) for a, b in pairs]).mean()
        return apart, -torch.stack([one[-1].mean() for one in seen]).mean()

    def total(self, taken: Taken, contest: Contest | None) -> torch.Tensor:
        """The loss; with a contest it also teaches the rivals first."""
        small, part = self.made(taken)
        found = {
            "pixels": (1.0, self.pixels(taken, small, part)),
            "person": (SAME_PERSON, self.person(taken, small)),
            "scene": (SAME_SCENE, self.scene(taken, small)),
        }
        if contest:
            contest.teach_rivals(inner(taken.part), inner(part))
            apart, looks = self.against(contest.rivals, taken, part)
            found |= {"features": (FEATURES, apart), "rival": (RIVAL, looks)}
        self.told = {name: float(value.detach()) for name, (_, value) in found.items()}
        return sum((weight * value for weight, value in found.values()), small.new_zeros(()))


def difference(made: torch.Tensor, true: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The weighted mean difference of features, as a share of their mean size."""
    near = F.interpolate(weights, made.shape[2:], mode="area")
    return ((made - true).abs() * near).mean() / true.abs().mean()


def inner(part: torch.Tensor) -> torch.Tensor:
    return part[..., EDGE:-EDGE, EDGE:-EDGE]


def in_channels_last(net: Any, device: str) -> Any:
    return net.to(device).to(memory_format=torch.channels_last)


def train_own_decoder(
    path: Path,
    decoder: Decoder,
    embedder: nn.Module,
    reader: nn.Module,
    pairs: Pairs,
    clock: Clock,
    *,
    steps: int,
    batch: int,
    device: str,
    rate: float = 4e-4,
    seed: int = 11,
) -> Decoder | None:
    """Returns None when the clock stopped it before the end. The checkpoint is `path`."""
    torch.manual_seed(seed)
    decoder, rivals = (in_channels_last(net, device) for net in (decoder, Rivals()))
    for judge in (embedder, reader):
        judge.to(device).eval().requires_grad_(False)
    stage = Contest(path, decoder, rivals, rate=rate, total=steps)
    losses = Losses(decoder, embedder, reader, device)

    def loss_of(step: int) -> torch.Tensor:
        taken = take(pairs, batch, seed, step, device)
        loss = losses.total(taken, stage if step >= ALONE * steps else None)
        if (step + 1) % 50 == 0:
            print(" ".join(f"{name} {value:.3f}" for name, value in losses.told.items()), flush=True)
        return loss

    done = stage.run(loss_of, clock, every=50)
    stage.load_mean()
    return decoder if done else None
