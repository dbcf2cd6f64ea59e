"""Measures whether a twin of real photographs follows the prompt: `python -m bench.real PHOTO...`

Trains one twin on the nano base and renders 16 pictures with every background and expression. Prints what
they show, classified by a reader that the product does not use, and the product's likeness.
`--set prior=0.25` changes the recipe. Photographs are only read."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from bench import judges
from bench.likeness import READ, adherence, new_scenes
from bench.machine import machine
from ml.drawn.captions import plain_caption
from ml.drawn.people import Scene
from ml.judge import Judge
from ml.local.engine import LocalEngine
from ml.local.weights import FolderStore, parse
from ml.types import Photo, TrainReport, TrainSpec


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--subject", default="woman", help="class word")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=NUMBER", help="of the recipe")
    parser.add_argument("--sheet", type=Path, help="where the pictures are written")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    engine = LocalEngine("nano", threads=args.threads)
    changed = {k: float(v) for k, v in (pair.split("=") for pair in args.set)}
    engine.base = replace(engine.base, recipe=replace(engine.base.recipe, **changed))  # type: ignore[arg-type]
    photos = accepted(Judge(faces=engine.faces), args.photos)
    scenes = new_scenes(np.random.default_rng(args.seed), 16)
    report, made = trained(engine, photos, scenes, args)
    if args.sheet:
        rows = [np.concatenate(made[i : i + 8], 1) for i in (0, 8)]
        Image.fromarray(np.concatenate(rows)).save(args.sheet)
    read = adherence(judges.load_reader(), made, scenes)
    shares = ", ".join(f"{f} {np.mean([row[f] for row in read]):.2f}" for f in READ)
    print(machine())
    print(f"{len(photos)} of {len(args.photos)} photos, {report.steps} steps, {report.seconds:.0f} s")
    print(f"changed: {changed}")
    print(f"pictures show the drawn avatar: {report.avatar_shown:.2f}")
    print(f"faces found {np.mean([bool(engine.faces.find(p)) for p in made]):.2f}; {shares}")
    return 0


def accepted(judge: Judge, paths: list[Path]) -> tuple[Photo, ...]:
    seen = [judge.inspect(path.read_bytes()) for path in paths]
    return tuple(Photo(str(i), one.clean) for i, one in enumerate(seen) if one.accepted)


def trained(
    engine: LocalEngine, photos: tuple[Photo, ...], scenes: list[Scene], args: argparse.Namespace
) -> tuple[TrainReport, list[np.ndarray]]:
    """Trains a twin of the photos; returns its report and its pictures of the scenes."""
    _, sampler, swapper = engine.models()
    with TemporaryDirectory() as folder:
        store = FolderStore(Path(folder))
        spec = TrainSpec(photos, args.subject, args.seed, threads=args.threads)
        report = engine.train(spec, store=store)
        swapper.load(report.sha256, *parse(store.read(report.lora)))
    size, steps = engine.base.sizes.by_aspect["1:1"], engine.base.steps[1]
    asked = [plain_caption(scene, f"ohwx {args.subject}") for scene in scenes]
    return report, [sampler.delivered(t, size=size, steps=steps, seed=i) for i, t in enumerate(asked)]


if __name__ == "__main__":
    sys.exit(main())
