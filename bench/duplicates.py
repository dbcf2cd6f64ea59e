"""Measures how copies of a photo are told from other photos of the same person:
`python -m bench.duplicates [FOLDER ...] [--drawn 8]`.

Each photo of a FOLDER is copied with each trivial change, and compared with its original as an upload would
be; then all photos of one person are compared with each other. A file name's part before the first "_" names
the person. The files are only read. `--drawn` adds drawn people, twelve photos each. At last, a drawn burst:
the head turns by a fraction of a degree between two photos.

Exits 1 when two different photos are called copies, or under 99 % of the copies are found.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import torch

from bench.faces import pictures
from bench.machine import machine
from ml import copies, media
from ml.drawn.people import Scene, random_person, varied_scenes
from ml.drawn.portraits import draw
from ml.faces import Faces
from ml.measures import perceptual_hash, yaw_of
from ml.sameness import is_duplicate
from ml.types import Inspection

FLOOR = 0.99
SIDE = 768
BURST = (0.25, 0.5, 1.0, 2.0)  # degrees of yaw between two photos
Change = Callable[[np.ndarray], np.ndarray]


def cropped(left: float, top: float, right: float, bottom: float) -> Change:
    """Cuts off shares of the width and of the height."""

    def change(picture: np.ndarray) -> np.ndarray:
        h, w = picture.shape[:2]
        return picture[int(h * top) : h - int(h * bottom), int(w * left) : w - int(w * right)]

    return change


def barred(x: float, y: float) -> Change:
    """Adds black bars: shares of the width left and right, of the height at the top and the bottom."""

    def change(picture: np.ndarray) -> np.ndarray:
        h, w = (int(n * share) for n, share in zip(picture.shape, (y, x)))
        return cv2.copyMakeBorder(picture, h, h, w, w, cv2.BORDER_CONSTANT)

    return change


def brightened(factor: float) -> Change:
    return lambda picture: np.clip(picture * factor, 0, 255).astype(np.uint8)


def saved(quality: int) -> Change:
    return lambda picture: media.to_array(media.encode_jpeg(np.ascontiguousarray(picture), quality))


def resized(share: float) -> Change:
    return lambda picture: cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)


def mirrored(picture: np.ndarray) -> np.ndarray:
    return picture[:, ::-1]


def after(*changes: Change) -> Change:
    def change(picture: np.ndarray) -> np.ndarray:
        for one in changes:
            picture = np.ascontiguousarray(one(picture))
        return picture

    return change


CENTRE = cropped(0.1, 0.1, 0.1, 0.1)
CHANGES: dict[str, Change] = {
    "mirrored": mirrored,
    "cropped left": cropped(0.1, 0, 0, 0),
    "cropped right": cropped(0, 0, 0.1, 0),
    "cropped top": cropped(0, 0.1, 0, 0),
    "cropped bottom": cropped(0, 0, 0, 0.1),
    "cropped all round": CENTRE,
    "bars top and bottom": barred(0, 0.15),
    "bars left and right": barred(0.2, 0),
    "saved at quality 30": saved(30),
    "25 % brighter": brightened(1.25),
    "25 % darker": brightened(0.75),
    "half the size": resized(0.5),
    "mirrored, cropped": after(mirrored, CENTRE),
    "bars, saved": after(barred(0, 0.15), saved(30)),
    "mirrored, half, saved": after(mirrored, resized(0.5), saved(50)),
    "cropped, brighter, saved": after(CENTRE, brightened(1.25), saved(40)),
}


@dataclass(frozen=True)
class Shot:
    """One photo: whose it is, its name, and its measures as of an accepted photo."""

    person: str
    name: str
    said: Inspection


def measured(faces: Faces, picture: np.ndarray) -> Inspection | None:
    """A photo's measures as if it was accepted; None without a face."""
    found = faces.find(picture)[:1]
    if not found:
        return None
    embedder, vector = faces.embedders.describe(picture, found[0])
    return Inspection(
        True,
        points=found[0].points,
        width=picture.shape[1],
        yaw=yaw_of(found[0]),
        embedding=tuple(vector.tolist()),
        embedder=embedder,
        hash=perceptual_hash(picture),
        clean=media.encode_jpeg(picture),
    )


def real_shots(folders: list[Path]) -> Iterator[tuple[str, str, np.ndarray]]:
    """(person, name, picture); a folder without numbered names shows one person."""
    for folder in folders:
        for path in pictures(folder):
            number = path.stem.partition("_")[0]
            person = number if number.isdigit() else folder.name
            yield person, path.stem, media.to_array(media.clean(path.read_bytes()).jpeg)


def drawn_shots(people: int) -> Iterator[tuple[str, str, np.ndarray]]:
    for number in range(people):
        rng = np.random.default_rng([77, number])
        person = random_person(rng)
        for i, scene in enumerate(varied_scenes(rng, 12)):
            yield f"drawn {number}", f"drawn {number}, {i}", draw(person, scene, SIDE, SIDE)


def measure(what: str, found: list[tuple[str, str, np.ndarray]], faces: Faces) -> bool:
    """Prints the figures of one kind of photos; returns whether they reach their limits."""
    shots = [Shot(person, name, said) for person, name, p in found if (said := measured(faces, p))]
    pixels = {name: picture for _, name, picture in found}
    print(f"\n{what}: {len(shots)} photos of {len({s.person for s in shots})} people")
    hits = [copies_found(name, change, shots, pixels, faces) for name, change in CHANGES.items()]
    share = sum(h for h, _ in hits) / max(sum(n for _, n in hits), 1)
    print(f"  all copies: {share:.4f} found")
    return (false_copies(shots) == 0) & (share >= FLOOR)


def copies_found(
    name: str, change: Change, shots: list[Shot], pixels: dict[str, np.ndarray], faces: Faces
) -> tuple[int, int]:
    """(copies found, copies with a face)."""
    agreed, hits = [], 0
    for shot in shots:
        copy = measured(faces, np.ascontiguousarray(change(pixels[shot.name])))
        if copy:
            hits += is_duplicate(copy, [shot.said])
            agreed.append(agreement(copy, shot.said))
    print(f"  {name:26} {hits:4} of {len(agreed):4} found, agreement at least {min(agreed):.3f}", flush=True)
    return hits, len(agreed)


def false_copies(shots: list[Shot]) -> int:
    """The number of pairs of one person's photos that are called one photo."""
    pairs = [(a, b) for a, b in combinations(shots, 2) if a.person == b.person]
    wrong = [(a, b) for a, b in pairs if is_duplicate(a.said, [b.said])]
    read = sum(copies.may_be_copy(a.said, b.said) for a, b in pairs)
    nearest = sorted(((agreement(a.said, b.said), a.name, b.name) for a, b in pairs), reverse=True)[:3]
    print(f"  different photos: {len(wrong)} of {len(pairs)} pairs called copies; pixels read for {read}")
    print("  nearest: " + "; ".join(f"{value:.3f} {a} / {b}" for value, a, b in nearest))
    return len(wrong)


def agreement(a: Inspection, b: Inspection) -> float:
    ours, theirs = copies.head_of(a), copies.head_of(b)
    return -1.0 if ours is None or theirs is None else copies.agreement(ours, theirs)


def print_bursts(faces: Faces) -> None:
    """Prints whether two drawn photos of nearly the same moment are one."""
    rng = np.random.default_rng(7)
    person, scene = random_person(rng), Scene(yaw=4.0)
    first = measured(faces, draw(person, scene, SIDE, SIDE))
    for turn in BURST:
        other = replace(scene, yaw=scene.yaw + turn, dx=0.01 * turn)
        second = measured(faces, draw(person, other, SIDE, SIDE))
        if first and second:
            word = "one photo" if is_duplicate(second, [first]) else "two photos"
            print(f"  burst, {turn} degrees: {word}, agreement {agreement(first, second):.3f}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--drawn", type=int, default=8, metavar="PEOPLE")
    args = parser.parse_args()
    print(machine())
    torch.set_num_threads(1)
    faces, right = Faces(), True
    if args.folders:
        right &= measure("real", list(real_shots(args.folders)), faces)
    if args.drawn:
        right &= measure("drawn", list(drawn_shots(args.drawn)), faces)
        print_bursts(faces)
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
