"""Trains the base's own decoder (ml/nets/decoder.py): latents -> the drawing's values.

Its latents are those of drawings, with noise and without, and those after the base's own last steps
(pairs.py), whose errors it thereby learns to read through."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from ml.drawn.values import LENGTHS, values_of
from ml.nano.data import choose_bucket
from ml.nano.pairs import Pairs, posed
from ml.nano.stage import Clock, Stage
from ml.nets.decoder import ReadingNet

NOISE = 0.35  # most noise on the latents
CHOICE = 0.25  # weight of the choices' cross entropy relative to the numbers' squared error


def loss_of(
    found: tuple[torch.Tensor, torch.Tensor], numbers: torch.Tensor, places: torch.Tensor
) -> torch.Tensor:
    """The mean squared error of the numbers that the drawings show, and the sum of the choices' cross
    entropies; means over the batch. `numbers` (B, N) with NaN, `places` (B, M) with -1: not shown."""
    shown = ~numbers.isnan()
    wrong = ((found[0] - numbers.nan_to_num()) ** 2)[shown].mean() * numbers.shape[1]
    parts = [
        F.cross_entropy(logits, at, ignore_index=-1, reduction="sum")
        for logits, at in zip(found[1].split(LENGTHS, 1), places.T)
    ]
    return wrong + CHOICE * torch.stack(parts).sum() / len(places)


def taken(pairs: Pairs, batch: int, seed: int, step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The batch of a step: latents (B, 16, h, w), numbers and places. Most latents get noise."""
    rng = np.random.default_rng([seed, step])
    items, latents = pairs[choose_bucket(pairs, rng)]
    rows = rng.integers(len(items), size=batch)
    z = torch.from_numpy(latents[rows]).float()
    noise = torch.from_numpy(rng.standard_normal(z.shape)).float()
    share = torch.from_numpy(NOISE * rng.uniform(0, 1, (batch, 1, 1, 1)) ** 2).float()
    values = [values_of(*posed(int(n))[:2]) for n in items[rows]]
    numbers, places = (torch.tensor(v) for v in zip(*values))
    return z + share * noise, numbers.float(), places


def train_own_decoder(
    path: Path,
    net: ReadingNet,
    pairs: Pairs,
    clock: Clock,
    *,
    steps: int,
    batch: int,
    device: str,
    seed: int = 11,
) -> ReadingNet | None:
    """Returns None when the clock stopped it before the end. The checkpoint is `path`."""
    torch.manual_seed(seed)
    net = net.to(device).train()
    stage = Stage(path, net, rate=1.5e-3, total=steps, decay=0.995, weight_decay=0.05, cooldown=0.5)

    def loss(step: int) -> torch.Tensor:
        z, numbers, places = (x.to(device) for x in taken(pairs, batch, seed, step))
        return loss_of(net(z), numbers, places)

    done = stage.run(loss, clock)
    stage.load_mean()
    return net if done else None
