"""The drawn training set of the nano base. Picture i depends only on its number, so it is the same on every
machine."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ml.drawn.captions import caption
from ml.drawn.people import Person, Scene, random_person, random_scene
from ml.drawn.portraits import draw
from ml.drawn.solid import centre_of
from ml.nano.stage import Clock
from ml.sizes import SIZES

BUCKETS = tuple(SIZES[128])  # one bucket per aspect ratio
SHARES = (0.52, 0.22, 0.06, 0.05, 0.05, 0.05, 0.05)  # of the pictures, by bucket
TRIGGER = "ohwx"
Groups = dict[
    int, tuple[np.ndarray, np.ndarray]
]  # bucket -> picture numbers (N,), pictures (N, H, W, 3) uint8


@lru_cache(100_000)
def sample(index: int, seed: int = 1) -> tuple[Person, Scene, int]:
    """The person, the scene and the bucket of picture `index`."""
    rng = np.random.default_rng([seed, index])
    return (
        random_person(rng),
        random_scene(rng, style=None, framed=True),
        int(rng.choice(len(BUCKETS), p=SHARES)),
    )


def words(index: int, epoch: int, seed: int = 1) -> str:
    """A caption of picture `index`, different in each epoch.

    One in seven has the trigger and no traits, so that the trigger initially means "some person". One in
    twelve is empty, for classifier-free guidance.
    """
    person, scene, _ = sample(index, seed)
    rng = np.random.default_rng([seed, index, epoch + 1])
    kind = rng.random()
    if kind < 0.08:
        return ""
    if kind < 0.22:
        who = person.gender if rng.random() < 0.67 else "person"
        return caption(scene, rng, subject=f"{TRIGGER} {who}")
    return caption(scene, rng, person=person)


def picture(index: int, pixels: int = 128, seed: int = 1) -> np.ndarray:
    """(H, W, 3) uint8, in the size class `pixels` of ml/sizes.py."""
    cv2.setNumThreads(1)
    person, scene, bucket = sample(index, seed)
    width, height = SIZES[pixels][BUCKETS[bucket]]
    return draw(person, scene, height, width)


FACE = 3.0  # loss weight on the face; 1 far from it


def face_map(numbers: np.ndarray, height: int, width: int) -> torch.Tensor:
    """(N, height, width) loss weights for the drawn pictures `numbers`, each map with mean 1.

    Weights on the face are FACE times those far from it. `height` and `width` count cells of any size that
    tile the picture.
    """
    half = min(height, width) / 2
    x, y = (np.arange(width) + 0.5 - width / 2) / half, (np.arange(height) + 0.5 - height / 2) / half
    where = np.array([(*centre_of(s), s.size) for s in (sample(int(n))[1] for n in numbers)])
    cx, cy, r = (column[:, None, None] for column in where.T)
    away = np.hypot((x[None, None] - cx) / (0.8 * r), (y[None, :, None] - cy - 0.25 * r) / (0.95 * r))
    weights = 1 + (FACE - 1) * np.clip((1.3 - away) / 0.5, 0, 1)
    return torch.from_numpy(weights / weights.mean((1, 2), keepdims=True)).float()


PART = 500  # pictures per file


def draw_all(folder: Path, count: int, pixels: int, clock: Clock) -> bool:
    """Draws pictures 0..count-1, one array per bucket; keeps existing parts. False when the time ran
    out."""
    folder.mkdir(parents=True, exist_ok=True)
    if drawn(folder, count):
        return True
    if clock.over():
        return False
    missing = [s for s in range(0, count, PART) if not part_file(folder, s).exists()]
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for i, start in enumerate(pool.imap_unordered(partial(_draw_part, folder, pixels), missing)):
            if (start + PART) % 2000 == 0:
                print(f"drawn {start + PART} of {count}", flush=True)
            if i + 1 < len(missing) and clock.over():
                return False
    return True


def _draw_part(folder: Path, pixels: int, start: int) -> int:
    """Draws and writes a part in the same process: sending pictures to another process takes as long as
    drawing them."""
    numbers = range(start, start + PART)
    made, buckets = [picture(n, pixels) for n in numbers], np.array([sample(n)[2] for n in numbers])
    arrays = {f"b{b}": np.stack([made[i] for i in np.flatnonzero(buckets == b)]) for b in np.unique(buckets)}
    arrays |= {f"i{b}": np.flatnonzero(buckets == b) + start for b in np.unique(buckets)}
    aside = folder / f"tmp-{start:06d}.npz"
    np.savez(aside, **arrays)  # type: ignore[arg-type]
    aside.rename(part_file(folder, start))
    return start


def drawn(folder: Path, count: int) -> bool:
    """Whether pictures 0..count-1 exist."""
    return all(part_file(folder, s).exists() for s in range(0, count, PART))


def part_file(folder: Path, start: int) -> Path:
    return folder / f"part-{start:06d}.npz"


def load_all(folder: Path, first: int = 0, last: int | None = None) -> Groups:
    """The pictures first..last-1, in order of their numbers."""
    out: dict[int, tuple[list[np.ndarray], list[np.ndarray]]] = {}
    for path in sorted(folder.glob("part-??????.npz")):
        start = int(path.stem[5:])
        if start < first or (last is not None and start >= last):
            continue
        with np.load(path) as z:
            for b in range(len(BUCKETS)):
                if f"b{b}" in z:
                    numbers, pictures = out.setdefault(b, ([], []))
                    numbers.append(z[f"i{b}"])
                    pictures.append(z[f"b{b}"])
    return {b: (np.concatenate(n), np.concatenate(p)) for b, (n, p) in out.items()}


def choose_bucket(groups: Mapping[int, tuple[np.ndarray, Any]], rng: np.random.Generator) -> int:
    """A random bucket of `groups`; the probability is its share of the pictures."""
    share = np.array([len(numbers) for numbers, _ in groups.values()], float)
    return list(groups)[int(rng.choice(len(groups), p=share / share.sum()))]


def batches(groups: dict[int, int], size: int, rng: np.random.Generator) -> list[tuple[int, np.ndarray]]:
    """One epoch of (bucket, rows), each batch from one bucket; `groups` is bucket -> number of rows."""
    plan = []
    for bucket, n in groups.items():
        order = rng.permutation(n)
        plan += [(bucket, order[i : i + size]) for i in range(0, n - size + 1, size)]
    return [plan[k] for k in rng.permutation(len(plan))]
