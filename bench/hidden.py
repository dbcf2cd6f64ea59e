"""Measures the judge of hidden faces: `python -m bench.hidden [FOLDER ...] [--drawn 100]`.

Each photo of a FOLDER, and each drawn person, is judged as it is and with one of each cover of
ml/drawn/covers.py before the face. The detector then looks at the covered picture, as at an upload. Printed:
how many are refused (`face_hidden`, or because no face is found) and how many have a hint. "Hidden" counts
covers over at least half of an eye, the nose or the mouth. The folders' files train nothing.

Exits 1 when 1 % or more of the photos as they are, or of the drawn people, are refused.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from bench.faces import pictures
from bench.machine import machine
from ml import media
from ml.drawn.covers import COVERS, HARMLESS, Cover
from ml.drawn.people import random_person, varied_scenes
from ml.drawn.portraits import draw
from ml.faces import Faces
from ml.measures import PROFILE, yaw_of
from ml.nano.hidden_training import COVERED, covered
from ml.nets.alignment import similarity
from ml.nets.hidden import FIVE, HiddenParts, frame, hidden_parts
from ml.types import Face

FRAME = 384  # px of the frame in which covers are drawn
ALLOWED = 0.01
FIRST = 980_000  # number of the first drawn person: no training knows them


def with_cover(picture: np.ndarray, face: Face, name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(the picture with a cover before the face, (4,) the shares of its parts that are covered)."""
    flat = frame(picture, face, FRAME)
    cover = {**COVERS, **HARMLESS}[name](flat, np.random.default_rng([seed, len(name)]))
    matrix = similarity(np.asarray(face.points, np.float64), FIVE * FRAME)
    size, how = (picture.shape[1], picture.shape[0]), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    colour, opacity = (cv2.warpAffine(part, matrix, size, flags=how) for part in cover)
    return Cover(colour, opacity).on(picture), covered(cover.opacity)


def real(folders: list[Path]) -> Iterator[np.ndarray]:
    for folder in folders:
        for path in pictures(folder):
            yield media.within(media.to_array(media.clean(path.read_bytes()).jpeg), 1024)


def drawn(people: int) -> Iterator[np.ndarray]:
    for number in range(FIRST, FIRST + people):
        rng = np.random.default_rng(number)
        yield draw(random_person(rng), varied_scenes(rng, 1)[0], 512, 512)


def measure(what: str, found: list[np.ndarray], faces: Faces, parts: HiddenParts) -> float:
    """Prints the figures; returns the share of pictures as they are that is refused."""
    shown = [(picture, faces.find(picture)) for picture in found]
    seen = [(picture, has[0]) for picture, has in shown if has]
    plain = Counter(verdict(parts, picture, face) for picture, face in seen)
    print(f"\n{what}: {len(seen)} faces as they are: {told(plain)}", flush=True)
    for name in (*HARMLESS, *COVERS):
        words = Counter(judged(p, f, name, i, faces, parts) for i, (p, f) in enumerate(seen))
        print(f"  {name:12} {told(words)}", flush=True)
    return plain["refused"] / max(len(seen), 1)


def judged(picture: np.ndarray, face: Face, name: str, seed: int, faces: Faces, parts: HiddenParts) -> str:
    """ "" when the cover happens to hide nothing."""
    changed, shares = with_cover(picture, face, name, seed)
    if name in COVERS and shares.max() < COVERED:
        return ""
    found = faces.find(changed)
    return verdict(parts, changed, found[0]) if found else "no face"


def verdict(parts: HiddenParts, picture: np.ndarray, face: Face) -> str:
    if abs(yaw_of(face)) >= PROFILE:
        return "visible"
    hints, sure = hidden_parts(parts(picture, face))
    return "refused" if sure else "hint" if hints else "visible"


def told(count: Counter[str]) -> str:
    total = max(sum(count.values()) - count[""], 1)
    words = ("refused", "no face", "hint", "visible")
    return f"{total:4}  " + ", ".join(f"{word} {count[word] / total:.3f}" for word in words)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--drawn", type=int, default=100, metavar="PEOPLE")
    args = parser.parse_args()
    print(machine())
    torch.set_num_threads(1)
    faces, parts, worst = Faces(), HiddenParts(), 0.0
    if args.folders:
        worst = max(worst, measure("real", list(real(args.folders)), faces, parts))
    if args.drawn:
        worst = max(worst, measure("drawn", list(drawn(args.drawn)), faces, parts))
    return int(worst >= ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
