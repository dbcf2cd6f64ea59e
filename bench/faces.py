"""Measures photo checks and identity on real faces: `python -m bench.faces FOLDER [--photos FOLDER2]
[--pairs FILE]`.

FOLDER has a neutral front and other views of each person, named NNN_neutral_front.jpg,
NNN_smiling_front.jpg, NNN_neutral_left_3quarter.jpg and so on; FOLDER2 has any photos. The files are only
read. Measured: how many are accepted and called real; who is found first among the neutral fronts, by each
view; pairs of one person and of two; and sets of all views of one person with two strangers among them.
FILE is a CSV of pairs of pictures beside it (first, second, Yes or No), on which the probability of one
person is checked. The 300 pairs of photos of public figures that come with deepface fitted nothing here.

Exits 1 when under 95 % of FOLDER is accepted, under 99 % is called real, a view finds the wrong person first,
under 95 % of one person's pairs pass at one false pair in a thousand, or a set goes wrong.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.machine import machine
from ml import faces as ml_faces
from ml import media
from ml.faces import Faces
from ml.measures import quality_of
from ml.nets.drawn_or_real import DrawnOrReal
from ml.nets.embedders import RealEmbedder
from ml.nets.scales import REAL, SCALES
from ml.sameness import distances, is_stranger
from ml.types import Inspection

LEAST_OF_EIGHT = 6 / 8  # least share of one person's own photos to be accepted
FLOOR, REAL_FLOOR = 0.95, 0.99
GALLERY = "neutral_front"
FALSE_PAIRS = 1e-3


@dataclass(frozen=True)
class Seen:
    """One photo: `person` and `view` from its name, the verdict, the vector by the embedder of real faces."""

    person: str
    view: str
    said: Inspection
    vector: np.ndarray


def look(path: Path, faces: Faces, embedder: RealEmbedder) -> Seen | None:
    """Inspects and embeds a photo; None without a face."""
    data = path.read_bytes()
    picture = media.to_array(data)
    found = faces.find(picture)
    person, _, view = path.stem.partition("_")
    return Seen(person, view, faces.inspect(data), embedder.vector(picture, found[0])) if found else None


def first_hits(seen: list[Seen]) -> dict[str, float]:
    """Per view: the share whose nearest neutral front is of the same person."""
    gallery = [s for s in seen if s.view == GALLERY]
    known, out = np.array([g.vector for g in gallery]), {}
    for view in sorted({s.view for s in seen} - {GALLERY}):
        queries = [s for s in seen if s.view == view]
        nearest = [int(np.linalg.norm(known - q.vector, axis=1).argmin()) for q in queries]
        out[view] = float(np.mean([gallery[i].person == q.person for i, q in zip(nearest, queries)]))
    return out


def pairs(seen: list[Seen]) -> tuple[np.ndarray, np.ndarray]:
    """Distances of all pairs of one person, and of two."""
    apart, people = distances(np.array([s.vector for s in seen])), np.array([s.person for s in seen])
    upper, same = np.triu(np.ones(apart.shape, bool), 1), people[:, None] == people
    return apart[upper & same], apart[upper & ~same]


def pairs_found(same: np.ndarray, other: np.ndarray) -> float:
    """The share of one person's pairs nearer than all but one in a thousand of two people's."""
    return float((same <= np.quantile(other, FALSE_PAIRS)).mean())


def sets_right(seen: list[Seen]) -> tuple[int, int, int]:
    """(own photos refused, strangers refused, strangers): each person's photos as a set with two strangers'
    fronts, every photo compared with the others of the person."""
    people = sorted({s.person for s in seen})
    refused = strangers = count = 0
    for i, person in enumerate(people):
        own = [as_judged(s) for s in seen if s.person == person]
        fronts = [s for s in seen if s.view == GALLERY and s.person in (people[i - 1], people[i - 2])]
        refused += sum(is_stranger(own[n], own[:n] + own[n + 1 :]) for n in range(len(own)))
        strangers += sum(is_stranger(as_judged(s), own) for s in fronts)
        count += len(fronts)
    return refused, strangers, count


def as_judged(seen: Seen) -> Inspection:
    return replace(seen.said, accepted=True, embedding=tuple(seen.vector.tolist()), embedder=REAL)


def checked_on_pairs(file: Path, faces: Faces, embedder: RealEmbedder) -> None:
    """Prints how well the probability fits pairs of people that it was not fitted to. Both kinds of pairs
    count as equally frequent, as in the probability."""
    known: dict[str, np.ndarray | None] = {}
    same, other = [], []
    for first, second, said in csv.reader(file.open()):
        if said not in ("Yes", "No"):
            continue
        one, two = (vector_in(file.parent / name, known, faces, embedder) for name in (first, second))
        if one is not None and two is not None:
            apart = float(np.linalg.norm(one - two))
            (same if said == "Yes" else other).append(SCALES[REAL].probability(apart))
    is_same, is_other = np.array(same), np.array(other)
    brier = ((1 - is_same) ** 2).mean() / 2 + (is_other**2).mean() / 2
    print(f"pairs of {file}: {len(same)} of one person, {len(other)} of two; Brier score {brier:.4f}")
    for name, found in (("one person", is_same), ("two people", is_other)):
        print(f"  {name}: above 0.9 {(found > 0.9).mean():.3f}, above 0.5 {(found > 0.5).mean():.3f}")


def vector_in(
    path: Path, known: dict[str, np.ndarray | None], faces: Faces, embedder: RealEmbedder
) -> np.ndarray | None:
    """The vector of the widest face in a picture; None without one that can be compared."""
    if path.name not in known:
        picture = media.to_array(media.clean(path.read_bytes(), min_side=64).jpeg)
        found = [face for face in faces.find(picture)[:1] if quality_of(picture, face)]
        known[path.name] = embedder.vector(picture, found[0]) if found else None
    return known[path.name]


def print_verdicts(folder: Path, faces: Faces) -> int:
    """Judges one person's photos as the command line does; returns the number of accepted photos."""
    print(f"\nverdicts on {folder.name}")
    paths, verdicts = pictures(folder), []
    for path in paths:
        verdicts.append(faces.inspect(path.read_bytes(), verdicts))
    ml_faces.settle(verdicts, lambda i, others: faces.inspect(paths[i].read_bytes(), others))
    for path, said in zip(paths, verdicts):
        box = f"{said.box[2] - said.box[0]:.0f} px wide" if said.box else "no box"
        figures = f"light {said.light:.2f} sharpness {said.sharpness:.2f} yaw {said.yaw:+.0f}"
        print(f"  {path.name:24} {said.code or 'accepted':16} {box:14} {figures} {' '.join(said.hints)}")
    return sum(said.accepted for said in verdicts)


def pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))


def measured(seen: list[Seen], count: int) -> bool:
    """Prints the figures; returns whether all reach their limits."""
    accepted = sum(s.said.accepted for s in seen) / count
    refused = Counter(s.said.code for s in seen if not s.said.accepted)
    real = 1 - np.mean([DrawnOrReal.load().is_drawn(s.vector) for s in seen])
    print(f"{count} pictures, {len(seen)} faces found, {accepted:.3f} accepted, refused: {dict(refused)}")
    print(f"called real: {real:.3f}")
    hits, (same, other) = first_hits(seen), pairs(seen)
    print("first hit against the neutral fronts: " + ", ".join(f"{v} {h:.2f}" for v, h in hits.items()))
    for name, apart in (("one person", same), ("two people", other)):
        marks = np.percentile(apart, (0, 1, 50, 99, 100)).round(3)
        print(f"distances of {name}: least, 1 %, 50 %, 99 %, greatest {marks}, {len(apart)} pairs")
    found, (own, strangers, all_strangers) = pairs_found(same, other), sets_right(seen)
    print(f"one person's pairs found at one false pair in a thousand: {found:.4f}; in use: {SCALES[REAL]}")
    print(
        f"sets with two strangers: {own} own photos refused, {strangers} of {all_strangers} strangers refused"
    )
    right = min(hits.values()) == 1 and found >= FLOOR and not own and strangers == all_strangers
    return bool(right and accepted >= FLOOR and real >= REAL_FLOOR)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--pairs", type=Path)
    args = parser.parse_args()
    print(machine())
    faces, embedder, paths = Faces(), RealEmbedder(), pictures(args.folder)
    right = measured([s for s in (look(path, faces, embedder) for path in paths) if s], len(paths))
    if args.pairs:
        checked_on_pairs(args.pairs, faces, embedder)
    if args.photos:
        own = pictures(args.photos)
        right &= print_verdicts(args.photos, faces) >= LEAST_OF_EIGHT * len(own)
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
