"""The drawn training set of the nano base: picture number i is the same for everybody, made from its number alone."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ml.nano.people import Person, Scene, caption, random_person, random_scene
from ml.nano.portraits import draw

# (width, height) in pixels at the 128-pixel class, all multiples of 16 and of about the same area, and their shares.
BUCKETS = ((128, 128), (112, 144), (96, 128), (96, 144), (80, 144), (144, 80), (144, 96))
SHARES = (0.42, 0.26, 0.07, 0.07, 0.06, 0.06, 0.06)
TRIGGER = "ohwx"


def sample(index: int, seed: int = 1) -> tuple[Person, Scene, int]:
    """Who, where, and which bucket for picture `index`."""
    rng = np.random.default_rng([seed, index])
    return random_person(rng), random_scene(rng, style=None), int(rng.choice(len(BUCKETS), p=SHARES))


def words(index: int, epoch: int, seed: int = 1) -> str:
    """A caption of picture `index`, another one each epoch. One in seven names a trigger and no traits, so that the
    trigger starts as "some person"; one in twelve is empty, for guidance."""
    person, scene, _ = sample(index, seed)
    rng = np.random.default_rng([seed, index, epoch + 1])
    kind = rng.random()
    if kind < 0.08:
        return ""
    if kind < 0.22:
        who = person.gender if rng.random() < 0.67 else "person"
        return caption(scene, rng, subject=f"{TRIGGER} {who}")
    return caption(scene, rng, person=person)


def picture(index: int, seed: int = 1) -> np.ndarray:
    """(H, W, 3) uint8."""
    cv2.setNumThreads(1)
    person, scene, bucket = sample(index, seed)
    width, height = BUCKETS[bucket]
    return draw(person, scene, height, width)


def draw_all(folder: Path, count: int, say: object = None) -> None:
    """Draw pictures 0..count-1 into one array per bucket; parts that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    part = 2000
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for start in range(0, count, part):
            path = folder / f"part-{start:06d}.npz"
            if path.exists():
                continue
            drawn = pool.map(picture, range(start, start + part), chunksize=50)
            buckets = np.array([sample(start + i)[2] for i in range(part)])
            arrays = {f"b{b}": np.stack([drawn[i] for i in np.flatnonzero(buckets == b)]) for b in np.unique(buckets)}
            numbers = {f"i{b}": np.flatnonzero(buckets == b) + start for b in np.unique(buckets)}
            aside = path.with_suffix(".tmp.npz")
            np.savez(aside, **arrays, **numbers)  # type: ignore[arg-type]
            aside.rename(path)
            print(f"drawn {start + part} of {count}", flush=True)


def load_all(folder: Path) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """bucket -> (numbers (N,), pictures (N, H, W, 3) uint8), in order of their numbers."""
    out: dict[int, tuple[list[np.ndarray], list[np.ndarray]]] = {}
    for path in sorted(folder.glob("part-??????.npz")):
        with np.load(path) as z:
            for b in range(len(BUCKETS)):
                if f"b{b}" in z:
                    numbers, pictures = out.setdefault(b, ([], []))
                    numbers.append(z[f"i{b}"])
                    pictures.append(z[f"b{b}"])
    return {b: (np.concatenate(n), np.concatenate(p)) for b, (n, p) in out.items()}


def batches(groups: dict[int, int], size: int, rng: np.random.Generator) -> Iterator[tuple[int, np.ndarray]]:
    """One epoch of (bucket, rows) with every batch inside one bucket; `groups` is bucket -> number of rows."""
    plan = []
    for bucket, n in groups.items():
        order = rng.permutation(n)
        plan += [(bucket, order[i : i + size]) for i in range(0, n - size + 1, size)]
    for k in rng.permutation(len(plan)):
        yield plan[k]
