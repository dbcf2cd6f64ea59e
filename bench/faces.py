"""Measures photo checks and identification on real faces: `python -m bench.faces FOLDER [--photos FOLDER2]`.

FOLDER has a neutral front and other views of each person, named NNN_neutral_front.jpg,
NNN_smiling_front.jpg, NNN_neutral_left_3quarter.jpg and so on; FOLDER2 has any photos. The files are only
read. Each view is identified among the neutral fronts by our embedder, by a baseline (HOG and LBP of the same
crop), and by their sum. Exits 1 when under 95 % of FOLDER is accepted, or when the embedder's top-1 on
smiling views is under 95 % (always so without weights).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bench.machine import machine
from ml import faces as ml_faces
from ml import media
from ml.faces import WEIGHTS, Faces, head_crop
from ml.sameness import SAME_PERSON
from ml.types import Inspection

LEAST_OF_EIGHT = 6 / 8  # least share of one person's own photos to be accepted
FLOOR = 0.95
GALLERY = "neutral_front"


@dataclass(frozen=True)
class Seen:
    """One photo: `person` and `view` from its name, the verdict, the embedder's vector (empty without
    weights), the baseline's."""

    person: str
    view: str
    said: Inspection
    ours: np.ndarray
    baseline: np.ndarray


def look(path: Path, faces: Faces) -> Seen | None:
    """Inspects and embeds a photo; None without a face."""
    data = path.read_bytes()
    said = faces.inspect(data)
    picture = media.to_array(data)
    found = faces.find(picture)
    if not found:
        return None
    person, _, view = path.stem.partition("_")
    ours = faces.embed(picture, found[0]) if WEIGHTS.exists() else np.zeros(0, np.float32)
    return Seen(person, view, said, ours, hog_lbp(head_crop(picture, found[0])))


def hog_lbp(crop: np.ndarray) -> np.ndarray:
    """Unit vector of a (96, 96, 3) crop: gradients and texture, each normalised, concatenated."""
    gray = cv2.equalizeHist(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY))
    hog = np.asarray(cv2.HOGDescriptor((96, 96), (16, 16), (8, 8), (8, 8), 9).compute(gray)).ravel()
    lbp = np.sqrt(local_patterns(gray))  # Hellinger kernel: reduces the weight of frequent patterns
    return np.concatenate([hog / np.linalg.norm(hog), lbp / np.linalg.norm(lbp)]) / np.sqrt(2)


def local_patterns(gray: np.ndarray, cell: int = 16) -> np.ndarray:
    """Histograms of 8-neighbour binary patterns in cells of `cell` px (Ahonen et al., 2004)."""
    around = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
    brighter = [np.roll(gray, step, (0, 1)) >= gray for step in around]
    codes = np.sum([plane.astype(int) << bit for bit, plane in enumerate(brighter)], axis=0)
    size = gray.shape[0]
    cells = [codes[y : y + cell, x : x + cell] for y in range(0, size, cell) for x in range(0, size, cell)]
    return np.concatenate([np.bincount(c.ravel(), minlength=256) for c in cells]).astype(np.float32)


def similarity(queries: Sequence[Seen], gallery: Sequence[Seen], by: str) -> np.ndarray:
    """(queries, gallery): cosines of "ours" or "baseline", or "both", the sum of their z-scores."""
    if by == "both":
        parts = [similarity(queries, gallery, name) for name in ("ours", "baseline")]
        return sum((p - p.mean()) / p.std() for p in parts)
    return np.stack([getattr(q, by) for q in queries]) @ np.stack([getattr(g, by) for g in gallery]).T


def first_hits(queries: Sequence[Seen], gallery: Sequence[Seen], by: str, hits: int = 1) -> float:
    """Share of queries whose person is among the `hits` most similar photos of the gallery."""
    best = np.argsort(-similarity(queries, gallery, by), axis=1)[:, :hits]
    return float(np.mean([any(gallery[j].person == q.person for j in row) for q, row in zip(queries, best)]))


def print_first_hits(seen: list[Seen]) -> float:
    """Prints the table; returns our embedder's top-1 on smiling fronts, nan without weights."""
    gallery = [s for s in seen if s.view == GALLERY]
    methods = ["ours", "baseline", "both"] if WEIGHTS.exists() else ["baseline"]
    print(f"\nfirst hit (first five) against {len(gallery)} neutral fronts")
    print(f"{'':26}" + "".join(f"{name:>16}" for name in methods))
    for view in sorted({s.view for s in seen} - {GALLERY}):
        queries = [s for s in seen if s.view == view]
        cells = [
            f"{first_hits(queries, gallery, m):.2f} ({first_hits(queries, gallery, m, 5):.2f})"
            for m in methods
        ]
        print(f"{view:22}{len(queries):4}" + "".join(f"{cell:>16}" for cell in cells))
    smiling = [s for s in seen if s.view == "smiling_front"]
    return first_hits(smiling, gallery, "ours") if smiling and "ours" in methods else float("nan")


def print_pairs(seen: list[Seen], by: str, of: str) -> None:
    """Prints the cosines of pairs of one person and of two people, and the threshold of equal errors."""
    cosines = similarity(seen, seen, by)
    people = np.array([s.person for s in seen])
    upper = np.triu(np.ones(cosines.shape, bool), 1)
    same = cosines[upper & (people[:, None] == people)]
    other = cosines[upper & (people[:, None] != people)]
    steps = np.sort(cosines[upper])
    misses = np.searchsorted(np.sort(same), steps) / len(same)
    false = 1 - np.searchsorted(np.sort(other), steps) / len(other)
    at = int(np.abs(misses - false).argmin())
    marks = (5, 25, 50, 75, 95)
    print(f"\n{by}, {of}: cosines of pairs, percentiles {marks}")
    print("  one person ", np.percentile(same, marks).round(2), f"{len(same)} pairs")
    print("  two people ", np.percentile(other, marks).round(2), f"{len(other)} pairs")
    print(f"  equal error rate {(misses[at] + false[at]) / 2:.3f} at threshold {steps[at]:.3f}")


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


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=Path)
    args = parser.parse_args()
    print(machine())
    # Without weights the checks are still measured. Any net works, because no photos are compared.
    faces = Faces() if WEIGHTS.exists() else Faces(net=lambda x: x.flatten(1)[:, :128], name="none")
    if not WEIGHTS.exists():
        print("the embedder's weights are missing: the baseline alone is measured")
    paths = pictures(args.folder)
    seen = [s for s in (look(path, faces) for path in paths) if s]
    accepted = sum(s.said.accepted for s in seen)
    refused = Counter(s.said.code for s in seen if not s.said.accepted)
    print(f"{len(paths)} pictures, {len(seen)} faces found, {accepted} accepted, refused: {dict(refused)}")
    smiling = print_first_hits(seen)
    for by in ("ours", "baseline") if WEIGHTS.exists() else ("baseline",):
        print_pairs([s for s in seen if s.view.endswith("front")], by, "fronts")
        print_pairs(seen, by, "all views")
    print(f"\nin use: {SAME_PERSON}")
    few = bool(args.photos) and print_verdicts(args.photos, faces) < LEAST_OF_EIGHT * len(
        pictures(args.photos)
    )
    return int(few or not (accepted >= FLOOR * len(paths) and smiling >= FLOOR))


if __name__ == "__main__":
    sys.exit(main())
