"""Fits ml/nets/drawn_or_real.py to drawn faces: `python -m ml.nano.drawn_or_real_training [--people 120]`.

Each person is drawn once in every style, at a random size, then saved as a JPEG of a random quality, shrunk
or blurred a little, as pictures from the web are. Half of the people set the subspace, the others the limit.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ml import media
from ml.drawn.people import random_person, random_scene
from ml.drawn.portraits import draw
from ml.faces import Faces
from ml.nets.drawn_or_real import WEIGHTS, DrawnOrReal
from ml.nets.embedders import RealEmbedder
from ml.types import STYLES

FIRST = 900_000  # number of the first person: no other net and no test knows them
AXES = 20
MARGIN = 1.5  # times the largest distance of the second half's drawings but one in 200


def vectors(people: range) -> np.ndarray:
    """(N, 128): the real embedder's vectors of the drawings in which a face is found."""
    faces, embedder, out = Faces(), RealEmbedder(), []
    for number in people:
        rng = np.random.default_rng([number, 0])
        person = random_person(rng)
        for style in STYLES:
            picture = worn(draw(person, replace(random_scene(rng), style=style), 512, 512), rng)
            out += [embedder.vector(picture, face) for face in faces.find(picture)[:1]]
    return np.stack(out)


def worn(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A copy as it goes round on the web: smaller, softer, compressed."""
    side = int(rng.integers(256, 513))
    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.1, 1.2)))
    return media.to_array(media.encode_jpeg(soft, int(rng.integers(60, 96))))


def fit(own: np.ndarray, others: np.ndarray) -> DrawnOrReal:
    """(N, 128) for the subspace, (M, 128) for the limit."""
    mean, spread = own.mean(0), own.std(0) + 1e-3
    axes = np.linalg.svd((own - mean) / spread, full_matrices=False)[2][:AXES]
    made = DrawnOrReal(mean, spread, axes, 0.0)
    return replace(made, limit=MARGIN * float(np.quantile(made.distance(others), 0.995)))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=120)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    args = parser.parse_args()
    half = args.people // 2
    own, others = vectors(range(FIRST, FIRST + half)), vectors(range(FIRST + half, FIRST + args.people))
    made = fit(own, others)
    made.save(args.out)
    median = np.median(made.distance(others))
    print(f"{len(own)} + {len(others)} drawings; limit {made.limit:.1f}, median {median:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
