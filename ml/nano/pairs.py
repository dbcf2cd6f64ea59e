"""The pairs that the base's own decoder is trained on: latents, and the drawing at the delivered size. They
lie exactly on one another.

A drawing is shrunk and encoded. Its latents are one input; the other is what the base makes of them when it
begins its last steps from them with noise. From t = 0.55 on downwards the base still shows the same face, so
both belong to the same drawing, and the decoder learns the base's own errors too.
"""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ml.catalogue import Base
from ml.drawn.captions import caption
from ml.drawn.portraits import draw
from ml.local.families import Text, encode_text, family_of
from ml.local.latents import pack, unpack
from ml.local.precision import mixed
from ml.nano.data import BUCKETS, part_file, sample
from ml.nano.stage import Clock
from ml.nano.vae import to_range

PART = 100  # most pictures per file
BEGINS = (0.2, 0.55)  # when the base's own steps begin
STEPS = 6  # of a whole sampling, so that its last steps are as long as in use

# bucket -> picture numbers (N,), drawings (N, H times, W times, 3) uint8, latents (N, 2, 16, h, w): of the
# drawing and after the base's own steps
Pairs = dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]]


def make_pairs(folder: Path, pipe: Any, base: Base, numbers: range, clock: Clock) -> bool:
    """Writes the pairs of the drawings `numbers`, in parts; keeps existing parts. False when the time ran
    out."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in numbers[::PART]:
        if part_file(folder, start).exists():
            continue
        if clock.over():
            return False
        part = numbers[start - numbers[0] : start - numbers[0] + PART]
        aside = folder / f"tmp-{start:06d}.npz"
        np.savez(aside, **arrays_of(pipe, base, part))  # type: ignore[arg-type]
        aside.rename(part_file(folder, start))
    return True


def arrays_of(pipe: Any, base: Base, numbers: range) -> dict[str, np.ndarray]:
    """A part's content: for each bucket k the numbers i{k}, the drawings b{k} and the latents z{k}."""
    out: dict[str, np.ndarray] = {}
    buckets = np.array([sample(n)[2] for n in numbers])
    for k in np.unique(buckets):
        some = np.array(numbers)[buckets == k]
        drawings = np.stack([delivered(int(n), base) for n in some])
        out |= {f"i{k}": some, f"b{k}": drawings, f"z{k}": latents_of(pipe, base, some, drawings)}
    return out


def delivered(number: int, base: Base) -> np.ndarray:
    """Drawing `number` at the delivered size."""
    cv2.setNumThreads(1)
    person, scene, bucket = sample(number)
    width, height = base.sizes.by_aspect[BUCKETS[bucket]]
    return draw(person, scene, height * base.sizes.enlarge, width * base.sizes.enlarge)


@torch.no_grad()
def latents_of(pipe: Any, base: Base, numbers: np.ndarray, drawings: np.ndarray) -> np.ndarray:
    """(N, 2, 16, h, w) in half precision."""
    device, k = pipe.device.type, 1 / base.sizes.enlarge
    small = np.stack([cv2.resize(d, None, fx=k, fy=k, interpolation=cv2.INTER_AREA) for d in drawings])
    rng = np.random.default_rng([17, int(numbers[0])])
    noise = torch.from_numpy(rng.standard_normal((len(small), 16, *(n // 8 for n in small.shape[1:3]))))
    texts, t = texts_of(pipe, base, numbers), float(rng.uniform(*BEGINS))
    with mixed(device):
        z = encode(pipe, small)
        own = own_steps(pipe, base, z, noise.float().to(z), texts, t)
    return torch.stack([z, own], 1).half().cpu().numpy()


def encode(pipe: Any, small: np.ndarray) -> torch.Tensor:
    return pipe.vae.encode(to_range(small, pipe.device.type)).latent_dist.mode().float()


def texts_of(pipe: Any, base: Base, numbers: np.ndarray) -> Text:
    """The drawings' full captions, encoded; then as many empty ones."""
    said = []
    for n in map(int, numbers):
        person, scene, _ = sample(n)
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


def load_pairs(folder: Path, last: int, first: int = 0) -> Pairs:
    """The pairs of the drawings first..last-1."""
    found: dict[int, list[tuple[np.ndarray, ...]]] = {}
    for start in range(first, last, PART):
        with np.load(part_file(folder, start)) as part:
            for k in range(len(BUCKETS)):
                if f"i{k}" in part:
                    found.setdefault(k, []).append(tuple(part[f"{name}{k}"] for name in "ibz"))
    return {k: tuple(map(np.concatenate, zip(*rows))) for k, rows in sorted(found.items())}  # type: ignore[misc]
