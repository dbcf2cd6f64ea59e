"""Trains ml/nets/hidden.py on drawn people: `python -m ml.nano.hidden_training [--heads 2400] [--seed 1]`.

Each head is drawn once and used six times: with things before it or not, with glasses, beard and fringe that
hide nothing, in other light, a little moved as a detector's points are. A part is hidden when more than half
of it is covered, and visible when less than a fifth is. No photograph is used. Five minutes of one core.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from ml.drawn.covers import COVERS, HARMLESS, smooth
from ml.drawn.people import Person, Scene, random_person, random_scene
from ml.drawn.portraits import draw
from ml.drawn.solid import MOUTH_Y, seen_at
from ml.nano.embedder_training import disturb
from ml.nets.alignment import similarity, warp
from ml.nets.hidden import FIVE, SIDE, WEIGHTS, Parts

FIRST = 950_000  # number of the first person: no other net and no test knows them
DRAWN, TRUE = 160, 96  # px of a drawing, and of a face in its frame before it is moved
USES = 6
COVERED, OPEN = 0.5, 0.2  # share of a part
BATCH = 64
# Half-axes of each part around its place in the frame: the eyes, the nose, the mouth.
PLACES = (*map(tuple, FIVE[:3]), tuple(FIVE[3:].mean(0)))
HALVES = ((0.10, 0.05), (0.10, 0.05), (0.07, 0.08), (0.15, 0.045))


def five_points(person: Person, scene: Scene, pixels: int) -> np.ndarray:
    """(5, 2): where the drawing shows eyes, nose and corners of the mouth, in pixels."""
    tip = 0.82 + 0.8 * person.nose
    solid = [
        (-person.eye_gap, -0.02, 0.80),
        (person.eye_gap, -0.02, 0.80),
        (0, person.nose_length - 0.04, tip),
        (-person.mouth, MOUTH_Y, 0.78),
        (person.mouth, MOUTH_Y, 0.78),
    ]
    return (seen_at(scene, solid) + 1) * pixels / 2


def head(number: int) -> np.ndarray:
    """(TRUE, TRUE, 3) uint8: a drawn face in its frame, mirrored half of the time."""
    rng = np.random.default_rng([number, 1])
    person, style = random_person(rng), "photorealistic" if rng.random() < 0.75 else None
    scene = random_scene(rng, style=style)
    scene = replace(scene, yaw=float(np.clip(rng.normal(0, 24), -50, 50)))
    picture = draw(person, scene, DRAWN, DRAWN)
    frame = warp(
        picture, similarity(five_points(person, scene, DRAWN), FIVE * TRUE), TRUE, cv2.BORDER_REPLICATE
    )
    return np.ascontiguousarray(frame[:, ::-1]) if rng.random() < 0.5 else frame


def example(face: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A face in its frame -> ((SIDE, SIDE, 3) uint8, (4,) shares of its parts that are covered)."""
    face = shaded(face, rng)
    for name, chance in (("beard", 0.3), ("fringe", 0.25), ("glasses", 0.35)):
        if rng.random() < chance:
            face = HARMLESS[name](face, rng).on(face)
    opacity = np.zeros(face.shape[:2], np.float32)
    if rng.random() < 0.6:
        cover = COVERS[str(rng.choice(list(COVERS)))](face, rng)
        face, opacity = cover.on(face), cover.opacity
    return moved(face, rng), covered(opacity)


def shaded(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """In other light, with coarse and fine texture: skin is less even than drawn skin."""
    light = np.ones(face.shape[:2], np.float32)
    for cells, most in ((2, 0.5), (6, 0.25), (24, 0.15)):
        light += rng.uniform(0, most) * smooth(len(face), cells, rng)
    tone = 1 + 0.06 * rng.normal(0, 1, 3)
    return np.clip(face * light[..., None] * tone, 0, 255).astype(np.uint8)


def moved(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(SIDE, SIDE, 3): moved as if the points were found with a detector's error."""
    matrix = cv2.getRotationMatrix2D((TRUE / 2, TRUE / 2), rng.normal(0, 4), rng.normal(1, 0.06))
    matrix[:, 2] = matrix[:, 2] + rng.normal(0, 0.025 * TRUE, 2)
    return warp(face, matrix * SIDE / TRUE, SIDE, cv2.BORDER_REPLICATE)


def covered(opacity: np.ndarray) -> np.ndarray:
    """(4,): the mean opacity over each part."""
    v, u = np.mgrid[: len(opacity), : len(opacity)] / len(opacity)
    spots = [((u - x) / a) ** 2 + ((v - y) / b) ** 2 < 1 for (x, y), (a, b) in zip(PLACES, HALVES)]
    return np.array([opacity[spot].mean() for spot in spots], np.float32)


def examples(numbers: range, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """((N, 3, SIDE, SIDE) uint8, (N, 4) covered shares)."""
    made = []
    for number in numbers:
        face, rng = head(number), np.random.default_rng([number, seed])
        made += [example(face, rng) for _ in range(USES)]
    pictures = torch.from_numpy(np.stack([picture for picture, _ in made])).permute(0, 3, 1, 2)
    return pictures.contiguous(), torch.from_numpy(np.stack([shares for _, shares in made]))


def loss_of(net: Parts, pictures: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over the parts that are clearly covered or clearly open."""
    clear = ((shares > COVERED) | (shares < OPEN)).float()
    each = F.binary_cross_entropy_with_logits(net(pictures), (shares > COVERED).float(), reduction="none")
    return (each * clear).sum() / clear.sum()


def train(pictures: torch.Tensor, shares: torch.Tensor, *, epochs: int, seed: int) -> Parts:
    torch.manual_seed(seed)
    net, g = Parts(), torch.Generator().manual_seed(seed)
    steps = epochs * (len(pictures) // BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for step in range(steps):
        some = torch.randint(len(pictures), (BATCH,), generator=g)
        x = disturb(pictures[some].float() / 127.5 - 1, g, flip=False) * 127.5 + 127.5
        loss = loss_of(net, x, shares[some])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step} of {steps}, loss {loss.item():.3f}", flush=True)
    return net.eval()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--heads", type=int, default=2400)
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    pictures, shares = examples(range(FIRST, FIRST + args.heads), args.seed)
    net = train(pictures, shares, epochs=args.epochs, seed=args.seed)
    save_file(
        {name: t.half() if t.is_floating_point() else t for name, t in net.state_dict().items()}, args.out
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
