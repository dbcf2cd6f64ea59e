"""Trains ml/nets/restorer.py: `python -m ml.nano.restorer_training --minutes 45 [--work FOLDER]`.

Each batch is made of crops of drawn people with grain, as skin has, of dead leaves (leaves.py) and
their worn copies (worn.py). The loss is the absolute error of pixels and slopes: nothing
rewards detail that cannot be known. Runs on one thread; a second call goes on from the checkpoint in FOLDER.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from ml.drawn.people import random_person, random_scene
from ml.drawn.portraits import draw
from ml.local.precision import mixed
from ml.nano.export import save_net
from ml.nano.leaves import grain, leaves
from ml.nano.stage import Clock, Stage
from ml.nano.worn import random_wear, wear
from ml.nets.restorer import WEIGHTS, Restorer

FIRST = 1_200_000  # number of the first person: no other net and no test knows them
PEOPLE, LEAVES = 100, 200  # pictures in the pool
SIDE, LEAF_SIDE = 512, 320  # px of a portrait and of dead leaves
CROP, BATCH = 96, 8
FACES = 0.5  # share of the crops that show drawn people
SLOPES = 0.5  # the loss of slopes, relative to that of pixels


def portrait(number: int) -> np.ndarray:
    """(SIDE, SIDE, 3) uint8: a person in a style close to photographs, near to the camera."""
    rng = np.random.default_rng([number, 3])
    style = str(rng.choice(["photorealistic", "photorealistic", "cinematic"]))
    scene = replace(random_scene(rng), style=style, size=float(rng.uniform(0.55, 1.1)))
    made = draw(random_person(rng), scene, SIDE, SIDE)
    return grain(rng, made, 9.0) if rng.random() < 0.8 else made


def pool(seed: int = 5) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The drawn people and the dead leaves."""
    rng = np.random.default_rng(seed)
    people = [portrait(FIRST + i) for i in range(PEOPLE)]
    return people, [leaves(rng, LEAF_SIDE) for _ in range(LEAVES)]


def crop(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(CROP, CROP, 3), anywhere, mirrored and turned by quarters at will."""
    y, x = (int(rng.integers(side - CROP + 1)) for side in picture.shape[:2])
    part = np.rot90(picture[y : y + CROP, x : x + CROP], int(rng.choice([0, 0, 0, 1, 2, 3])))
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def softened(part: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As soft as photographs are at this size: drawings have harder edges, and a net that has seen those
    alone makes edges of everything."""
    return cv2.GaussianBlur(part, (0, 0), float(rng.uniform(0.3, 1.3))) if rng.random() < 0.75 else part


def batch(
    people: list[np.ndarray], leafy: list[np.ndarray], seed: int, step: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Worn and clean crops, (BATCH, 3, CROP, CROP) 0..1."""
    rng = np.random.default_rng([seed, step])
    worn, clean = [], []
    for _ in range(BATCH):
        source = people if rng.random() < FACES else leafy
        part = softened(crop(source[int(rng.integers(len(source)))], rng), rng)
        clean.append(part)
        worn.append(wear(part, random_wear(rng), rng))
    return as_input(worn), as_input(clean)


def as_input(pictures: list[np.ndarray]) -> torch.Tensor:
    x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    return x.contiguous(memory_format=torch.channels_last)


def loss(made: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """Absolute errors of pixels and of slopes, in hundredths."""
    d = made - clean
    across, down = d[..., 1:] - d[..., :-1], d[..., 1:, :] - d[..., :-1, :]
    return 100 * (d.abs().mean() + SLOPES * (across.abs().mean() + down.abs().mean()))


def train(work: Path, minutes: float, steps: int, seed: int = 13) -> Restorer:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(seed)
    clock = Clock(minutes)
    people, leafy = pool()
    net = Restorer().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    work.mkdir(parents=True, exist_ok=True)
    stage = Stage(
        work / "restorer.pt", net, rate=1e-3, total=steps, decay=0.996, cooldown=0.35, weight_decay=0.0
    )

    def loss_of(step: int) -> torch.Tensor:
        worn, clean = batch(people, leafy, seed, step)
        with mixed("cpu"):
            made = net(worn)
        return loss(made.float(), clean)

    stage.run(loss_of, clock, every=100)
    stage.load_mean()
    return net


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--work", type=Path, default=Path("var/restorer"))
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    args = parser.parse_args()
    save_net(train(args.work, args.minutes, args.steps), args.out)
    print(f"{args.out} {args.out.stat().st_size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
