"""Trains the nano base's transformer by flow matching, on cached latents and with trained text
encoders.

Shapes: B batch, h w latent cells (H/8, W/8): latents (B, 16, h, w) -> packed (B, h*w/4, 64). t is 0 (picture)
.. 1 (noise).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from ml.local.attention import short_attention
from ml.local.latents import image_ids, pack, unpack
from ml.local.precision import mixed
from ml.local.times import draw_times, step_ahead
from ml.nano import critic
from ml.nano.data import TRIGGER, batches, face_map, words
from ml.nano.latents import Latents
from ml.nano.model import FlowModel
from ml.nano.stage import Clock, Stage
from ml.nano.text import CLIP_TOKENS, TOKENS, tokens

# Weights of the critic's two measures: at the start, each gradient is about as large as the flow's own
# gradient.
FEATURES, ANSWERS = 0.5, 0.015
LEAST = 0.1  # below this t, errors of the predicted picture are not up-weighted: they are invisible
HIGH_SHARE = 0.3  # the first share of the steps trains only high times ("high" in local/times.py)
COMPILED = 2  # number of buckets to compile, the largest ones: each takes minutes


Batch = tuple[int, torch.Tensor, torch.Tensor, torch.Tensor]


class Batches(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Batch `step`: (bucket, rows, T5 tokens, CLIP tokens). It depends only on its number, so any worker can
    make it."""

    def __init__(self, numbers: dict[int, np.ndarray], pair: tuple[Any, Any], size: int, seed: int):
        self.numbers, self.pair, self.size, self.seed = numbers, pair, size, seed
        self.sizes = {b: len(n) for b, n in numbers.items()}
        self.per_epoch = sum(n // size for n in self.sizes.values())
        self._plan: tuple[int, list[tuple[int, np.ndarray]]] = (-1, [])

    def __getitem__(self, step: int) -> Batch:
        epoch = step // self.per_epoch
        if self._plan[0] != epoch:
            self._plan = epoch, batches(self.sizes, self.size, np.random.default_rng([self.seed, epoch]))
        bucket, rows = self._plan[1][step % self.per_epoch]
        texts = [words(int(n), epoch) for n in self.numbers[bucket][rows]]
        t5, clip = tokens(self.pair[0], texts, TOKENS), tokens(self.pair[1], texts, CLIP_TOKENS)
        return bucket, torch.from_numpy(rows), t5, clip


def in_order(batches: Batches, steps: range, device: str) -> Iterator[Batch]:
    """The batches of `steps`. For an accelerator, worker processes prepare them in advance."""
    workers = 0 if device == "cpu" else max((os.cpu_count() or 2) - 2, 1)
    return iter(
        DataLoader(batches, batch_size=None, sampler=steps, num_workers=workers, pin_memory=workers > 0)
    )


def train_flow(
    work: Path,
    cached: Latents,
    model: FlowModel,
    pair: tuple[Any, Any],
    clock: Clock,
    *,
    steps: int,
    batch: int,
    device: str,
    compiled: bool = False,
    fit: bool = False,
    seed: int = 1,
    by: critic.Critic | None = None,
    rate: float = 1.5e-3,
) -> FlowModel | None:
    """Trains the transformer of `model` on latents from cache_latents, with the critic `by` if given. The
    text encoders are frozen.

    `compiled` compiles the largest buckets, which pays only in a long run. With `fit`, the clock decides the
    number of steps, at most `steps`. Returns None when the clock stopped it before the end.
    """
    model = model.to(device).eval()
    stage = new_stage(work / "flow.pt", model, rate, steps, fit)
    batches = Batches({b: n for b, (n, _) in cached.items()}, pair, batch, seed)
    given = in_order(batches, range(stage.step, steps), device)
    loss = FlowLoss(model, cached, device, compiled=compiled, seed=seed)
    teacher = Teacher(by, cached, pair[0], device) if by else None

    def loss_of(step: int) -> torch.Tensor:
        late = step >= HIGH_SHARE * stage.total
        taken = loss.take(next(given), step, "mixed" if late and step % 3 else "high")
        guess = loss.guess(taken, rollout=late and step % 2 == 1)
        return loss.error(taken, guess) + (teacher.error(taken, guess) if teacher else 0)

    with short_attention(model.transformer, device):
        done = stage.run(loss_of, clock)
    stage.load_mean()
    return model if done else None


def new_stage(path: Path, model: FlowModel, rate: float, steps: int, fit: bool) -> Stage:
    return Stage(
        path,
        model.transformer,
        rate=rate,
        total=steps,
        cooldown=0.7,
        hidden=lambda n: "blocks." in n,
        hidden_rate=rate * 2.7,
        fit=fit,
    )


@dataclass
class Taken:
    """One batch on the device, with the random values of its step."""

    bucket: int
    rows: torch.Tensor  # of the bucket
    t5_ids: torch.Tensor
    clip_ids: torch.Tensor
    z: torch.Tensor  # (B, 16, h, w) the true latents
    noise: torch.Tensor  # like z
    t: torch.Tensor  # (B,)
    on_cpu: torch.Generator
    on_device: torch.Generator


class FlowLoss:
    """The flow-matching loss: the model's predicted picture, from a noisy one, against the true picture."""

    def __init__(self, model: FlowModel, cached: Latents, device: str, *, compiled: bool, seed: int):
        self.model, self.device, self.seed = model, device, seed
        # All latents are on the device (at most 1 GB): copying at each step would make the device wait.
        self.latents = {b: z.to(device) for b, (_, z) in cached.items()}
        self.weights = {
            b: face_map(n, z.shape[2] // 2, z.shape[3] // 2).flatten(1).to(device)
            for b, (n, z) in cached.items()
        }
        self.fast: Any = torch.compile(model, dynamic=False) if compiled else model

    def take(self, given: Batch, step: int, times: str) -> Taken:
        """A batch with noise and with times from `draw_times`."""
        bucket, *tensors = given
        rows, t5_ids, clip_ids = (x.to(self.device, non_blocking=True) for x in tensors)
        seed = self.seed * 1_000_003 + step
        on_cpu = torch.Generator().manual_seed(seed)
        on_device = torch.Generator(self.device).manual_seed(seed + 10**12)
        z = self.latents[bucket][rows].float()
        noise = torch.randn(z.shape, generator=on_device, device=self.device)
        t = draw_times(len(z), on_cpu, times).to(self.device)
        return Taken(bucket, rows, t5_ids, clip_ids, z, noise, t, on_cpu, on_device)

    def guess(self, taken: Taken, *, rollout: bool) -> torch.Tensor:
        """(B, 16, h, w): the picture that the model predicts at time `taken.t`.

        With `rollout` the model first takes a sampling step, which changes `taken.t`. So it learns to correct
        its own errors.
        """
        z, t = taken.z, taken.t
        x = (1 - across(t)) * z + across(t) * taken.noise
        ids = image_ids(z.shape[2], z.shape[3], self.device)
        net = self.fast if taken.bucket < COMPILED else self.model

        def velocity(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return unpack(net(pack(x), t, ids, *text).float(), *z.shape[2:])

        with mixed(self.device):
            text = self.model.encode(taken.t5_ids, taken.clip_ids)
            if rollout:
                ahead = step_ahead(t, taken.on_cpu)
                with torch.no_grad():
                    x = x + across(ahead - t) * velocity(x, t)
                taken.t = ahead
            v = velocity(x, taken.t)
        return x - across(taken.t) * v

    def error(self, taken: Taken, guess: torch.Tensor) -> torch.Tensor:
        """The squared error of the guess, expressed as a velocity and weighted by the face map."""
        off = (guess - taken.z) / across(taken.t.clamp(min=LEAST))
        return (pack(off).pow(2).mean(2) * self.weights[taken.bucket][taken.rows]).mean()


class Teacher:
    """The critic's loss for a predicted picture: the distance of its features from the true picture's, and
    the answers' cross entropy."""

    def __init__(self, by: critic.Critic, cached: Latents, t5_tokenizer: Any, device: str):
        self.by = by
        self.labels = {b: critic.all_labels(n).to(device) for b, (n, _) in cached.items()}
        self.trigger = int(tokens(t5_tokenizer, [TRIGGER], TOKENS)[0, 0])

    def error(self, taken: Taken, guess: torch.Tensor) -> torch.Tensor:
        labels = self.labels[taken.bucket][taken.rows]
        # A caption with only the trigger fits any person, so the person's fields do not count.
        unnamed = (taken.t5_ids == self.trigger).any(1)
        labels[:, critic.WHO] = labels[:, critic.WHO].masked_fill(unnamed[:, None], -1)
        apart, wrong = critic.distance(self.by, guess, taken.z, labels, taken.on_device)
        asked = taken.t5_ids[:, 1] != 0  # False for an empty caption
        return FEATURES * apart.mean() + ANSWERS * (wrong * asked).mean()


def across(t: torch.Tensor) -> torch.Tensor:
    """(B,) -> (B, 1, 1, 1)."""
    return t[:, None, None, None]
