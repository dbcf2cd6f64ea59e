"""Measures the drawing speed of portraits, and how often a detector not trained on drawings finds the
face: `python -m bench.portraits`.

Exits 1 below 40 pictures per second and core at 192 px, 80 at 128 px, 95 % of photorealistic faces or 85 %
of the faces with any trait."""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict

import numpy as np
import torch

from bench.machine import machine
from ml.drawn.people import Person, Scene, random_person, random_scene
from ml.drawn.portraits import draw
from ml.nets.torchvision import ensure_torchvision
from ml.types import STYLES


def speed(size: int, count: int = 200) -> float:
    """Pictures per second on one core."""
    rng = np.random.default_rng(5)
    work = [(random_person(rng), random_scene(rng, style=None)) for _ in range(count)]
    start = time.process_time()
    for person, scene in work:
        draw(person, scene, size, size)
    return count / (time.process_time() - start)


def finds(detector: object, pictures: list[np.ndarray]) -> list[bool]:
    _, scores = detector.detect(pictures)  # type: ignore[attr-defined]
    return [s is not None and s[0] is not None and float(np.max(s)) > 0.9 for s in scores]


def traits_of(p: Person, s: Scene) -> dict[str, str]:
    return {
        "hair": p.hair,
        "hair colour": p.hair_colour,
        "beard": p.beard,
        "eyes": p.eyes,
        "gender": p.gender,
        "skin": f"{int(p.skin * 4.999)} of 4",
        "age": "old" if p.age > 0.66 else "young" if p.age < 0.33 else "middle",
        "freckles": str(bool(p.freckles)),
        "glasses": s.glasses,
        "hat": s.hat,
        "light": s.light,
        "expression": s.expression,
        "background": s.background,
        "clothes": s.clothes,
        "turn": "far" if abs(s.yaw) > 22 else "near",
    }


def shares(people: list[tuple[Person, Scene]], found: list[bool]) -> list[tuple[float, str, int]]:
    """(share of faces found, trait, number of people with it), the worst first."""
    by: dict[str, list[bool]] = defaultdict(list)
    for (p, s), ok in zip(people, found):
        for trait, value in traits_of(p, s).items():
            by[f"{trait}: {value}"].append(ok)
    return sorted((float(np.mean(v)), k, len(v)) for k, v in by.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=77)
    args = parser.parse_args()
    ensure_torchvision()
    from facenet_pytorch import MTCNN

    torch.set_num_threads(1)
    detector, rng = MTCNN(keep_all=True), np.random.default_rng(args.seed)
    people = [(random_person(rng), random_scene(rng)) for _ in range(args.count)]
    found: list[bool] = []
    for i in range(0, args.count, 50):
        found += finds(detector, [draw(p, s, 192, 192) for p, s in people[i : i + 50]])
    worst, share = shares(people, found), float(np.mean(found))
    print(machine())
    print(f"photographic faces found {share:.3f} of {args.count}")
    for rate, name, n in worst[:12]:
        print(f"  {rate:.3f}  {name} ({n})")
    for style in STYLES[1:]:
        drawn = [draw(random_person(rng), random_scene(rng, style=style), 192, 192) for _ in range(100)]
        print(f"  {style}: {np.mean(finds(detector, drawn)):.2f}")
    fast = speed(192), speed(128)
    print(f"pictures a second a core: {fast[0]:.0f} at 192 px, {fast[1]:.0f} at 128 px")
    return 0 if share >= 0.95 and worst[0][0] >= 0.85 and fast[0] >= 40 and fast[1] >= 80 else 1


if __name__ == "__main__":
    sys.exit(main())
