"""Trains the reader, the net that classifies what a portrait shows, on the drawn set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ml.drawn.people import Scene
from ml.local.precision import mixed
from ml.nano.data import choose_bucket, load_all, sample
from ml.nano.embedder_training import disturb
from ml.nano.stage import Clock, Stage
from ml.nets.reader import FIELDS, to_input


def labels(scene: Scene) -> list[int]:
    """The class of each field; -1 if the picture does not show it: the backdrop's colour outdoors, a hat's
    colour without a hat, or any colour in a style that changes colours."""
    out = []
    true_colours = scene.style in ("photorealistic", "cinematic", "watercolour", "artistic")
    for field, names in FIELDS.items():
        seen = not (
            field == "backdrop"
            and scene.background != "studio"
            or field == "hat_colour"
            and scene.hat == "none"
        )
        if field in ("backdrop", "colour", "hat_colour"):
            seen = seen and true_colours
        if field == "light":
            seen = seen and scene.style == "photorealistic"
        out.append(names.index(getattr(scene, field)) if seen else -1)
    return out


def loss(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Cross entropy, summed over the fields with a label; the mean over the batch."""
    parts = logits.split([len(n) for n in FIELDS.values()], 1)
    return (
        sum(
            (F.cross_entropy(p, w, ignore_index=-1, reduction="sum") for p, w in zip(parts, wanted.T)),
            logits.new_zeros(()),
        )
        / wanted.shape[0]
    )


def train_reader(
    path: Path,
    pictures: Path,
    net: nn.Module,
    clock: Clock,
    *,
    first: int,
    last: int,
    steps: int,
    batch: int,
    device: str,
    seed: int,
) -> nn.Module | None:
    """Trains on the drawn pictures first..last-1. Returns None when the clock stopped it before the end."""
    torch.manual_seed(seed)
    net = net.to(device)
    stage = Stage(path, net, rate=2e-3, total=steps, decay=0.99, weight_decay=0.05, cooldown=0.6)
    if stage.done:
        return stage.load_mean()
    groups = load_all(pictures, first, last)

    def loss_of(step: int) -> torch.Tensor:
        rng = np.random.default_rng([seed, step])
        drawn, wanted = [], []
        for _ in range(batch):
            numbers, group = groups[choose_bucket(groups, rng)]
            i = int(rng.integers(len(group)))
            drawn.append(group[i])
            wanted.append(labels(sample(int(numbers[i]))[1]))
        x = to_input(drawn).to(device)
        if rng.random() < 0.5:  # augment half of the batches to look like photos
            x = disturb(x, torch.Generator(device).manual_seed(step))
        with mixed(device):
            return loss(net(x), torch.tensor(wanted).to(device))

    net.train()
    return stage.load_mean() if stage.run(loss_of, clock) else None
