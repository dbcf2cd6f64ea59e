"""Trains ml/nets/eyes.py on drawn eyes: `python -m ml.nano.eyes_training [--heads 1600] [--seed 1]`.

Each head is drawn twice, with its eyes open as its expression has them, and closed or nearly so. Each drawing
gives several patches: in other light, with glasses, with the detector's error. No photograph is used. Three
minutes of two cores.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from ml.drawn.covers import HARMLESS
from ml.drawn.people import random_person, random_scene
from ml.drawn.portraits import draw
from ml.nano.embedder_training import disturb
from ml.nano.hidden_training import five_points, shaded
from ml.nets.alignment import similarity, warp
from ml.nets.eyes import WEIGHTS, Openness, patches
from ml.nets.hidden import FIVE

FIRST = 970_000  # number of the first person: no other net and no test knows them
DRAWN, FRAME = 320, 160  # px of a drawing, and of the face in its frame
USES = 4
BATCH = 64


def heads(number: int) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """(a drawn face in its frame, its five points there, how far the eyes are open), open and closed."""
    rng = np.random.default_rng([number, 2])
    person, style = random_person(rng), "photorealistic" if rng.random() < 0.85 else None
    scene = replace(random_scene(rng, style=style), yaw=float(np.clip(rng.normal(0, 20), -45, 45)))
    scene = replace(scene, pitch=float(np.clip(rng.normal(0, 9), -25, 25)), hat="none")
    made = []
    for blink in (float(rng.uniform(0, 0.25)), float(rng.uniform(0.85, 1))):
        points = five_points(person, scene, DRAWN)
        matrix = similarity(points, FIVE * FRAME)
        frame = warp(
            draw(person, replace(scene, blink=blink), DRAWN, DRAWN), matrix, FRAME, cv2.BORDER_REPLICATE
        )
        made.append((frame, points @ matrix[:, :2].T + matrix[:, 2], float(blink < 0.5)))
    return made


def examples(number: int) -> tuple[np.ndarray, np.ndarray]:
    """((N, SIDE, SIDE, 3) uint8, (N,) open or not) of one person."""
    rng, found, open_ = np.random.default_rng([number, 3]), [], []
    for frame, points, label in heads(number):
        for _ in range(USES):
            face = shaded(frame, rng)
            if rng.random() < 0.25:
                face = HARMLESS["glasses"](face, rng).on(face)
            found.append(patches(face, misplaced(points, rng)))
            open_ += [label, label]
    return np.concatenate(found), np.array(open_, np.float32)


def misplaced(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The points with a detector's error: each by some 3 % of the distance of the eyes, all in scale and
    turn."""
    unit = float(np.hypot(*(points[1] - points[0])))
    turn = np.exp(1j * np.radians(rng.normal(0, 4))) * rng.normal(1, 0.08)
    centre = points.mean(0)
    moved = (points - centre) @ (1, 1j) * turn
    return centre + np.stack([moved.real, moved.imag], 1) + rng.normal(0, 0.03 * unit, points.shape)


def train(found: torch.Tensor, open_: torch.Tensor, *, epochs: int, seed: int) -> Openness:
    torch.manual_seed(seed)
    net, g = Openness(), torch.Generator().manual_seed(seed)
    steps = epochs * (len(found) // BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for step in range(steps):
        some = torch.randint(len(found), (BATCH,), generator=g)
        x = disturb(found[some].float() / 127.5 - 1, g) * 127.5 + 127.5
        loss = F.binary_cross_entropy_with_logits(net(x), 0.02 + 0.96 * open_[some])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 200 == 0:
            print(f"step {step} of {steps}, loss {loss.item():.3f}", flush=True)
    return net.eval()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--heads", type=int, default=1600)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with ProcessPoolExecutor() as pool:
        made = list(pool.map(examples, range(FIRST, FIRST + args.heads), chunksize=20))
    found = torch.from_numpy(np.concatenate([f for f, _ in made])).permute(0, 3, 1, 2).contiguous()
    net = train(
        found, torch.from_numpy(np.concatenate([o for _, o in made])), epochs=args.epochs, seed=args.seed
    )
    save_file(
        {name: t.half() if t.is_floating_point() else t for name, t in net.state_dict().items()}, args.out
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
