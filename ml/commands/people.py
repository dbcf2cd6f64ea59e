"""`python -m ml people`: draws sample people as photos."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from ml import media
from ml.commands import options
from ml.commands.output import answer, say
from ml.drawn.people import random_person, truth, varied_scenes
from ml.drawn.portraits import draw
from ml.errors import MLError
from ml.local.weights import FolderStore

LEAST_SIDE = 768  # px: smaller photos can fail the checks for real photos


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("--count", type=int, default=1)
    p.add_argument("--photos", type=int, default=12)
    p.add_argument("--seed", type=options.at_least(0), default=0)
    p.add_argument("--size", type=int, default=LEAST_SIDE, help="short side in pixels")
    p.add_argument("--out", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    if args.count < 1 or args.photos < 1 or args.size < LEAST_SIDE:
        raise MLError("invalid", "Ask for at least one person, one photo each and 768 pixels.")
    answer(args, [draw_one(args, n) for n in range(args.count)])


def draw_one(args: argparse.Namespace, n: int) -> dict[str, Any]:
    """Writes the photos of one person, and their attributes as truth.json."""
    rng = np.random.default_rng([args.seed, n])
    person, scenes = random_person(rng), varied_scenes(rng, args.photos)
    folder = args.out / f"person-{n:03d}"
    store = FolderStore(folder)
    for i, scene in enumerate(scenes):
        tall = (args.size * 5 // 4) if i % 3 == 0 else args.size
        store.write(f"photo-{i:02d}.jpg", media.encode_jpeg(draw(person, scene, tall, args.size), 92))
    store.write("truth.json", json.dumps(truth(person, scenes), indent=1).encode())
    say(args, f"{folder}: {len(scenes)} photos of a {person.gender}")
    return {"folder": str(folder), "subject": person.gender, "photos": len(scenes)}
