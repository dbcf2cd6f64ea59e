"""Trains the face embedder on drawn people by contrastive learning: vectors of one person close, of
different people apart."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ml.drawn.people import random_person, random_scene
from ml.drawn.portraits import draw
from ml.drawn.solid import MOUTH_Y, seen_at
from ml.local.precision import mixed
from ml.nano.stage import Clock, Stage
from ml.nets.alignment import align


def heads_of(number: int, count: int, seed: int) -> np.ndarray:
    """(count, SIZE, SIZE, 3): one drawn person in `count` scenes, heads cropped with a detector's typical
    error."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng([seed, number])
    person = random_person(rng)
    return np.stack([_head(person, rng) for _ in range(count)])


def _head(person: Any, rng: np.random.Generator, pixels: int = 128) -> np.ndarray:
    scene = random_scene(rng, style="photorealistic" if rng.random() < 0.7 else None)
    scene = replace(scene, yaw=float(np.clip(rng.normal(0, 20), -48, 48)))
    picture = draw(person, scene, pixels, pixels)
    points = (seen_at(scene, [(0, 0, 0.82), (0, MOUTH_Y, 0.84)]) + 1) * pixels / 2
    eyes, mouth = points + rng.normal(0, 0.012 * pixels * scene.size, (2, 2))
    return align(picture, eyes, mouth)


def _job(args: tuple[int, int, int]) -> np.ndarray:
    return heads_of(*args)


def draw_heads(path: Path, people: range, each: int, seed: int) -> np.ndarray:
    """(len(people), each, SIZE, SIZE, 3) uint8, drawn once and kept in `path`."""
    if not path.exists():
        with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
            heads = np.stack(pool.map(_job, [(n, each, seed) for n in people], chunksize=20))
        aside = path.with_suffix(".tmp.npy")
        np.save(aside, heads)
        aside.rename(path)
    return np.load(path, mmap_mode="r")


def disturb(x: torch.Tensor, g: torch.Generator, *, flip: bool = True) -> torch.Tensor:
    """Augments (B, 3, H, W) in -1..1: light, colour, blur and grain vary as in photos; half are mirrored with
    `flip`. `g` is on the same device."""
    B = x.shape[0]

    def some(low: float, high: float, *shape: int) -> torch.Tensor:
        return torch.rand(B, *shape, generator=g, device=g.device) * (high - low) + low

    x = (x + 1) / 2
    x = x.clamp(min=1e-4) ** some(0.7, 1.45, 1, 1, 1) * some(0.75, 1.2, 1, 1, 1) * some(0.88, 1.12, 3, 1, 1)
    gray = x.mean(1, keepdim=True)
    x = gray + (x - gray) * some(0.35, 1.2, 1, 1, 1)
    blurred = F.interpolate(F.avg_pool2d(x, 2), scale_factor=2, mode="bilinear")
    x = torch.lerp(x, blurred, some(0, 1.0, 1, 1, 1))
    x = x + torch.randn(x.shape, generator=g, device=g.device) * some(0, 0.05, 1, 1, 1)
    if flip:
        x = torch.where(some(0, 1, 1, 1, 1) < 0.5, x, x.flip(3))
    return x.clamp(0, 1) * 2 - 1


def contrast(vectors: torch.Tensor, who: torch.Tensor, temperature: float = 0.08) -> torch.Tensor:
    """Supervised contrastive loss (Khosla et al., 2020) of unit vectors (B, D); `who` (B,) numbers the
    people."""
    eye = torch.eye(len(who), dtype=torch.bool, device=who.device)
    logits = (vectors @ vectors.T / temperature).masked_fill(eye, -1e9)
    same = (who[:, None] == who[None, :]) & ~eye
    chance = logits - logits.logsumexp(1, keepdim=True)
    return -(chance * same).sum(1).div(same.sum(1)).mean()


def train_embedder(
    path: Path,
    net: nn.Module,
    heads: np.ndarray,
    clock: Clock,
    *,
    steps: int,
    people: int,
    device: str,
    seed: int,
) -> nn.Module | None:
    """Trains on heads (N, each, SIZE, SIZE, 3). A batch has four heads of each of `people` people.

    Returns None when the clock stopped it before the end.
    """
    torch.manual_seed(seed)
    net = net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    stage = Stage(path, net, rate=2e-3, total=steps, decay=0.99, weight_decay=0.05, cooldown=0.6)
    count, each = heads.shape[:2]

    def loss_of(step: int) -> torch.Tensor:
        rng = np.random.default_rng([seed, step])
        who = np.repeat(rng.choice(count, people, replace=False), 4)
        which = np.concatenate([rng.permutation(each)[:4] for _ in range(people)])
        x = (
            torch.from_numpy(np.ascontiguousarray(heads[who, which])).to(device).permute(0, 3, 1, 2).float()
            / 127.5
            - 1
        )
        x = disturb(x, torch.Generator(device).manual_seed(seed * 7919 + step))
        x = x.contiguous(memory_format=torch.channels_last)
        with mixed(device):
            vectors = net(x)
        return contrast(vectors, torch.from_numpy(who).to(device))

    net.train()
    return stage.load_mean() if stage.run(loss_of, clock) else None
