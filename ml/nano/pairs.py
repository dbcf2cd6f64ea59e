"""The latents that the base's own decoder is trained on, and the drawings that they are of.

A drawing is encoded. Its latents are one kind; the other is what the base makes of them when it begins its
last steps from them with noise. From t = 0.8 on downwards the base mostly shows the same drawing, so the
decoder learns the base's own errors too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ml.catalogue import Base
from ml.drawn.captions import caption
from ml.drawn.people import MORE_HAIR_STYLES, Person, Scene, random_person, random_scene
from ml.drawn.portraits import draw
from ml.local.families import Text, encode_text, family_of
from ml.local.latents import pack, unpack
from ml.local.precision import mixed
from ml.nano.data import BUCKETS, SHARES, part_file
from ml.nano.stage import Clock
from ml.nano.vae import to_range

PART = 250  # pictures per file
AT_ONCE = 8
BEGINS = (0.25, 0.8)  # when the base's own steps begin
STEPS = 6  # of a whole sampling, so that its last steps are as long as in use
OWN = 100_000  # drawings from this number on go through the base's own steps

Pairs = dict[int, tuple[np.ndarray, np.ndarray]]  # bucket -> numbers (N,), latents (N, 16, h, w)


@lru_cache(100_000)
def posed(index: int) -> tuple[Person, Scene, int]:
    """The person, the scene and the bucket of drawing `index`: as the base's training set, and also the
    hair and the pale skins of avatars and heads that leave the usual frame, as twins' pictures do."""
    return drawing(index)[:3]


def drawing(index: int) -> tuple[Person, Scene, int, np.random.Generator]:
    rng = np.random.default_rng([77, index])
    person = random_person(rng)
    if rng.random() < 0.12:
        person = replace(person, hair=str(rng.choice(MORE_HAIR_STYLES)))
    if rng.random() < 0.3:
        person = replace(person, chroma=float(rng.uniform(0.4, 1.0)))
    scene = random_scene(rng, style=None, framed=True)
    if rng.random() < 0.3:
        scene = replace(
            scene,
            yaw=float(np.clip(rng.normal(0, 13), -35, 35)),
            pitch=float(np.clip(rng.normal(0, 4), -10, 10)),
            roll=float(np.clip(rng.normal(0, 4), -12, 12)),
            size=float(rng.uniform(0.56, 0.68)),
            dx=float(rng.uniform(-0.08, 0.08)),
            dy=float(rng.uniform(-0.16, -0.04)),
        )
    return person, scene, int(rng.choice(len(BUCKETS), p=SHARES)), rng


def small(index: int, base: Base) -> np.ndarray:
    """Drawing `index` at the rendered size; two of five are drawn larger and shrunk, which is softer."""
    cv2.setNumThreads(1)
    person, scene, bucket, rng = drawing(index)
    width, height = base.sizes.by_aspect[BUCKETS[bucket]]
    if rng.random() >= 0.4:
        return draw(person, scene, height, width)
    large = draw(person, scene, 3 * height, 3 * width)
    return cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)


def make_pairs(folder: Path, pipe: Any, base: Base, numbers: range, clock: Clock) -> bool:
    """Writes the latents of the drawings `numbers`, in parts; keeps existing parts. False when the time ran
    out."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in numbers[::PART]:
        if part_file(folder, start).exists():
            continue
        if clock.over():
            return False
        part = range(start, min(start + PART, numbers.stop))
        aside = folder / f"tmp-{start:06d}.npz"
        np.savez(aside, **arrays_of(pipe, base, part))  # type: ignore[arg-type]
        aside.rename(part_file(folder, start))
    return True


def arrays_of(pipe: Any, base: Base, numbers: range) -> dict[str, np.ndarray]:
    """A part's content: for each bucket k the numbers i{k} and the latents z{k}."""
    out: dict[str, np.ndarray] = {}
    buckets = np.array([posed(n)[2] for n in numbers])
    for k in np.unique(buckets):
        some = np.array(numbers)[buckets == k]
        groups = [some[i : i + AT_ONCE] for i in range(0, len(some), AT_ONCE)]
        out |= {f"i{k}": some, f"z{k}": np.concatenate([latents_of(pipe, base, group) for group in groups])}
    return out


@torch.no_grad()
def latents_of(pipe: Any, base: Base, numbers: np.ndarray) -> np.ndarray:
    """(N, 16, h, w) in half precision."""
    device = pipe.device.type
    with mixed(device):
        drawn = to_range(np.stack([small(int(n), base) for n in numbers]), device)
        z = pipe.vae.encode(drawn).latent_dist.mode().float()
        if numbers[0] >= OWN:
            rng = np.random.default_rng([78, int(numbers[0])])
            noise = torch.from_numpy(rng.standard_normal(z.shape)).to(z)
            z = own_steps(pipe, base, z, noise, texts_of(pipe, base, numbers), float(rng.uniform(*BEGINS)))
    return z.half().cpu().numpy()


def texts_of(pipe: Any, base: Base, numbers: np.ndarray) -> Text:
    """The drawings' full captions, encoded; then as many empty ones."""
    said = []
    for n in map(int, numbers):
        person, scene, _ = posed(n)
        said.append(caption(scene, np.random.default_rng([19, n]), person=person, keep=1.0))
    encoded = [encode_text(pipe, base, text) for text in (*said, *[""] * len(said))]
    return tuple(torch.cat(parts) for parts in zip(*encoded))


def own_steps(
    pipe: Any, base: Base, z: torch.Tensor, noise: torch.Tensor, text: Text, t: float
) -> torch.Tensor:
    """Latents z (N, 16, h, w) with the share t of noise, sampled back with the base's guidance."""
    h, w = z.shape[2:]
    x = pack(z + t * (noise - z))
    times = np.linspace(t, 0, ceil(t * STEPS) + 1)
    for now, then in zip(times, times[1:]):
        at = torch.full((2 * len(z),), float(now), device=z.device)
        both = family_of(base).velocity(pipe.transformer, torch.cat([x, x]), at, text, (8 * w, 8 * h)).float()
        asked, plain = both.chunk(2)
        x = x + float(then - now) * (plain + base.true_cfg * (asked - plain))
    return unpack(x, h, w)


def load_pairs(folder: Path) -> Pairs:
    """All pairs in a folder."""
    found: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    for path in sorted(folder.glob("part-??????.npz")):
        with np.load(path) as part:
            for k in range(len(BUCKETS)):
                if f"i{k}" in part:
                    found.setdefault(k, []).append((part[f"i{k}"], part[f"z{k}"]))
    join: Callable[[Any], np.ndarray] = np.concatenate
    return {k: (join(n), join(z)) for k, (n, z) in ((k, zip(*rows)) for k, rows in sorted(found.items()))}
