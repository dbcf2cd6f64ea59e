"""Measures the avatars of real people: `python -m bench.avatars FOLDER --labels FILE [--photos FOLDER2]`.

FOLDER has the views of each person that bench/faces.py describes, FOLDER2 photos of one more person, called
`eight` in FILE. FILE is what somebody saw on the photos, a line for each person: number, woman or man, and
the hair's colour (`none` for the bald), its cut, the beard and the glasses; `black|brown` where both are
right. Neither photos nor labels are part of the project.

Printed: how many hair colours, cuts, beards and glasses are right; how far the skin, as it is drawn in soft
light, is from the cheeks of the neutral front (CIELAB, white at L 95 in both); how many of the photos with
drawn glasses before the eyes (ml/drawn/covers.py) are seen to wear some; and how often a matcher of
colours and shapes names the avatar of a smiling photo that the avatar was not made of. `--sheet` writes a
picture of all, a photo over its avatar.

Exits 1 when a share is below 0.9, or the matcher names fewer than four times as many as chance does.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from bench.faces import pictures
from bench.hidden import with_cover
from bench.machine import machine
from ml import media
from ml.avatar.avatar import Avatar
from ml.avatar.details import CHEEKS, details_of, middle
from ml.avatar.drawings import portrait
from ml.avatar.fit import fit
from ml.avatar.light import balanced
from ml.avatar.skin import skin_drawn
from ml.avatar.traits import wears_glasses
from ml.avatar.views import HEAD, View, to_lab
from ml.faces import Faces
from ml.types import Face

A = np.ndarray
FRONT, QUERY = "neutral_front", "smiling_front"
RIGHT, NEAR, TIMES = 0.9, 8.0, 4  # limits: shares, CIELAB units, times chance
TRAITS = ("hair_colour", "cut", "beard", "glasses")
CELLS = 14  # of a side of the matcher's picture


@dataclass
class Somebody:
    """One person's views by their names, labels, and avatars: of all views, and without the query."""

    name: str
    views: dict[str, View]
    labels: dict[str, list[str]]
    avatar: Avatar
    without_query: Avatar
    seconds: float


def main() -> int:
    args = arguments()
    print(machine())
    faces, labels = Faces(), read_labels(args.labels)
    people = [somebody(*one, labels) for one in views_of(args.folder, args.photos, faces).items()]
    right = [traits_right(people), skins_near(people), glasses_found(people), named(people, faces)]
    slowest = max(one.seconds for one in people)
    print(f"an avatar takes {np.mean([one.seconds for one in people]):.1f} s, at most {slowest:.1f} s")
    if args.sheet:
        Image.fromarray(sheet(people)).save(args.sheet)
    return int(not all(right))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--sheet", type=Path, help="where a picture of all is written")
    return parser.parse_args()


def read_labels(path: Path) -> dict[str, dict[str, list[str]]]:
    names, out = ("subject", *TRAITS), {}
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            person, *values = line.split()
            out[person] = {name: value.split("|") for name, value in zip(names, values, strict=True)}
    return out


def views_of(folder: Path, more: Path | None, faces: Faces) -> dict[str, dict[str, View]]:
    out: dict[str, dict[str, View]] = defaultdict(dict)
    files = [(path, path.stem.partition("_")) for path in pictures(folder)]
    found = [(path, person, view) for path, (person, _, view) in files]
    found += [(path, "eight", path.stem) for path in (pictures(more) if more else ())]
    for path, person, view in found:
        picture = media.to_array(media.clean(path.read_bytes()).jpeg)
        for face in faces.find(picture)[:1]:
            out[person][view] = View(picture, face.points)
    return out


def somebody(name: str, views: dict[str, View], labels: dict[str, dict[str, list[str]]]) -> Somebody:
    subject, start = labels[name]["subject"][0], time.monotonic()
    avatar = fit(list(views.values()), subject)
    seconds = time.monotonic() - start
    others = [view for name, view in views.items() if name != QUERY]
    return Somebody(name, views, labels[name], avatar, fit(others, subject), seconds)


# ---------------------------------------------------------------- figures


def traits_right(people: list[Somebody]) -> bool:
    """Prints the shares of right traits, and what is wrong; the cut has no limit."""
    wrong: dict[str, list[str]] = {name: [] for name in TRAITS}
    for one in people:
        person = one.avatar.person
        bald = person.hair == "bald"
        said = ("none" if bald else person.hair_colour, person.hair, person.beard, one.avatar.glasses)
        for name, value in zip(TRAITS, said):
            if value not in one.labels[name]:
                wrong[name].append(f"{one.name} {value}")
    shares = {name: 1 - len(found) / len(people) for name, found in wrong.items()}
    for name, share in shares.items():
        print(f"{name} right {share:.2f} of {len(people)}; wrong: {', '.join(wrong[name]) or 'none'}")
    return all(share >= RIGHT for name, share in shares.items() if name != "cut")


def skins_near(people: list[Somebody]) -> bool:
    """Compares with the cheeks as they are, in studio light without a cast; so only people with such."""
    studio = [one for one in people if FRONT in one.views]
    cheeks = [middle(to_lab(one.views[FRONT].face), *CHEEKS) for one in studio]
    away = [float(np.linalg.norm(skin_drawn(one.avatar.person) - c)) for one, c in zip(studio, cheeks)]
    near = float(np.mean(np.array(away) <= NEAR))
    print(
        f"skin within {NEAR:.0f} CIELAB: {near:.2f}; median {np.median(away):.1f}, greatest {max(away):.1f}"
    )
    return near >= RIGHT


def glasses_found(people: list[Somebody]) -> bool:
    """The share of photos with drawn glasses before the eyes that are seen to wear some."""
    found = []
    for i, one in enumerate(people):
        for view in (v for v in one.views.values() if v.is_frontal):
            worn, _ = with_cover(view.picture, Face((0, 0, 0, 0), 1.0, view.points), "glasses", i)
            found.append(wears_glasses(details_of(balanced(View(worn, view.points)))))
    print(f"drawn glasses before real eyes seen: {np.mean(found):.2f} of {len(found)} photos")
    return bool(np.mean(found) >= RIGHT)


def named(people: list[Somebody], faces: Faces) -> bool:
    """Names the person of each smiling photo among the avatars that were made without it."""
    known = [one for one in people if QUERY in one.views]
    drawn = [portrait(one.without_query, "smiling", 768) for one in known]
    found = [faces.find(picture) for picture in drawn]
    avatars = [look(View(picture, seen[0].points, True)) for picture, seen in zip(drawn, found) if seen]
    asked = [look(one.views[QUERY]) for one, seen in zip(known, found) if seen]
    alike = level(np.array(asked)) @ level(np.array(avatars)).T
    ranks = (alike > np.diag(alike)[:, None]).sum(1)
    first, chance = float((ranks == 0).mean()), 1 / len(ranks)
    print(f"named among {len(ranks)} by colours and shapes: {first:.2f}, {first / chance:.1f} times chance")
    print(f"among the first three {np.mean(ranks < 3):.2f}; faces found: {len(ranks)} of {len(known)}")
    return first >= TIMES * chance


def look(view: View) -> A:
    """What the matcher sees: the head's colours in a few cells, and where the features are."""
    lab = to_lab(cv2.resize(balanced(view).head, (CELLS, CELLS), interpolation=cv2.INTER_AREA))
    x, y = (cv2.resize(grid, (CELLS, CELLS), interpolation=cv2.INTER_AREA) for grid in HEAD.grid)
    head = lab[np.hypot(x / 1.1, (y + 0.05) / 1.25) < 1].ravel()
    return np.concatenate([head, np.repeat(view.landmarks.ravel() * 100, 10)])


def level(seen: A) -> A:
    """Each row against the mean of all rows, of length 1: photos and drawings differ as a whole."""
    apart = (seen - seen.mean(0)) / (seen.std(0) + 2)
    return np.asarray(apart / np.linalg.norm(apart, axis=1, keepdims=True))


def sheet(people: list[Somebody], side: int = 256, across: int = 7) -> A:
    tiles = [tile(one, side) for one in people]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % across)
    rows = [np.concatenate(tiles[i : i + across], 1) for i in range(0, len(tiles), across)]
    return np.concatenate(rows)


def tile(one: Somebody, side: int) -> A:
    """The most frontal photo over the avatar."""
    view = one.views.get(FRONT) or min(one.views.values(), key=lambda v: abs(v.yaw))
    return np.concatenate([cv2.resize(view.head, (side, side)), portrait(one.avatar, side=side)])


if __name__ == "__main__":
    sys.exit(main())
