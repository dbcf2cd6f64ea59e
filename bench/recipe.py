"""Measures the effect of each choice of the training recipe on the nano base: `python -m bench.recipe`.

Changes one choice at a time. A row is one twin of a person that no net was trained on, with 12 drawn photos
and pictures in new scenes. Likeness is the mean cosine to 6 new photos by a judge that the product does not
use (bench/judges.py); a picture without a face counts 0. Adherence is the share of requested attributes that
a second reader finds. Each difference to the current recipe has its standard error over the same people and
seeds.

Rows are stored in bench/results/recipe-nano.jsonl, and the command resumes there. `--share 1/2` and
`--share 2/2` run in parallel, `--only NAME...` selects choices, `--table` only prints the stored
rows."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench import judges
from bench.likeness import Lineup, adherence, new_scenes, photos_of
from bench.machine import machine
from ml.catalogue import BASES, Base
from ml.drawn.captions import plain_caption
from ml.drawn.people import random_person
from ml.local.engine import LocalEngine
from ml.local.weights import FolderStore, parse
from ml.types import TrainSpec

ROWS = Path(__file__).resolve().parent / "results" / "recipe-nano.jsonl"
NOW = "as it is"
LINEUP = 10  # people to identify among

# name: the change to the base's recipe, or to its rank
CHOICES: dict[str, dict[str, Any]] = {
    NOW: {},
    "no face mask": {"mask_floor": 1.0},
    "mask, 0.1 outside": {"mask_floor": 0.1},
    "plain captions": {"captions": "plain"},
    "no caption dropout": {"dropout": 0.0},
    "caption dropout 0.15": {"dropout": 0.15},
    "times: sigmoid": {"times": "sigmoid"},
    "times: shifted": {"times": "shifted"},
    "times: uniform": {"times": "uniform"},
    "no rollout": {"rollout": 0.0},
    "no rollout, all times alike": {"rollout": 0.0, "low": 0.0},
    "always rollout": {"rollout": 1.0},
    "rank 8": {"rank": 8},
    "rank 32": {"rank": 32},
    "half the steps": {"steps": 0.5},
    "twice the steps": {"steps": 2.0},
    "prior preservation 0.25": {"prior": 0.25},
    "last checkpoint": {"checkpoints": 1},
}


def changed(base: Base, change: dict[str, Any]) -> Base:
    change = dict(change)
    base, recipe = replace(base, rank=change.pop("rank", base.rank)), base.recipe
    if times := change.pop("steps", None):
        change = {
            "steps_per_photo": round(recipe.steps_per_photo * times),
            "steps_least": 1,
            "steps_most": 10_000,
        }
    return replace(base, recipe=replace(recipe, **change))


class Bench:
    def __init__(self, threads: int):
        self.threads = threads
        self.base = BASES["nano"]
        self.engine = LocalEngine("nano", threads=threads)
        rng = np.random.default_rng([9100])
        self.people = [random_person(rng) for _ in range(LINEUP)]
        self.lineup, self.reader = Lineup(self.engine.faces, self.people, rng), judges.load_reader()

    def row(self, name: str, who: int, seed: int) -> dict[str, Any]:
        engine, person = self.engine, self.people[who]
        rng = np.random.default_rng([9200, who, seed])
        photos, scenes = photos_of(engine.faces, person, rng), new_scenes(rng, 8)
        engine.base = changed(self.base, CHOICES[name])
        engine.close()  # so that the models are loaded again with this base's rank
        spec = TrainSpec(photos, person.gender, seed=seed, threads=self.threads)
        with TemporaryDirectory() as folder:
            store = FolderStore(Path(folder))
            report = engine.train(spec, store=store)
            _, sampler, swapper = engine.models()
            swapper.load(report.sha256, *parse(store.read(report.lora)))
        size, steps = engine.base.sizes.by_aspect["1:1"], engine.base.steps[1]
        asked = [plain_caption(s, f"ohwx {person.gender}") for s in scenes]
        made = [sampler.sample(text, size=size, steps=steps, seed=500 + i) for i, text in enumerate(asked)]
        seen = self.lineup.cosines(made)
        read = adherence(self.reader, made, scenes)
        return {
            "choice": name,
            "who": who,
            "seed": seed,
            "steps": report.steps,
            "checkpoint": report.checkpoint,
            "likeness": round(float(np.mean([0.0 if c is None else c[who] for c in seen])), 4),
            "first_hit": round(float(np.mean([c is not None and int(np.argmax(c)) == who for c in seen])), 3),
            "adherence": round(float(np.mean([list(r.values()) for r in read])), 4),
            "seconds": round(report.seconds, 1),
            "seconds_per_step": round(report.seconds_per_step, 4),
        }


def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in ROWS.read_text().splitlines()] if ROWS.exists() else []


def table(found: list[dict[str, Any]]) -> str:
    """A Markdown table. Compares each choice with the current recipe over the people and seeds of both."""
    by = {(r["choice"], r["who"], r["seed"]): r for r in found}
    out = ["| choice | twins | likeness | adherence | first hit | seconds |", "|---|---|---|---|---|---|"]
    for name in CHOICES:
        mine = [r for r in found if r["choice"] == name]
        if not mine:
            continue
        mean = {k: statistics.fmean(r[k] for r in mine) for k in ("first_hit", "seconds")}
        pairs = [(r, by[NOW, r["who"], r["seed"]]) for r in mine if (NOW, r["who"], r["seed"]) in by]
        cells = [told(name, pairs, key) for key in ("likeness", "adherence")]
        cells += [f"{mean['first_hit']:.2f}", f"{mean['seconds']:.0f}"]
        out.append(f"| {name} | {len(mine)} | {' | '.join(cells)} |")
    return "\n".join(out)


def told(name: str, pairs: list[tuple[dict[str, Any], dict[str, Any]]], key: str) -> str:
    if not pairs:
        return ""
    if name == NOW:
        return f"{statistics.fmean(a[key] for a, _ in pairs):.3f}"
    differences = [a[key] - b[key] for a, b in pairs]
    spread = statistics.stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else 0.0
    return f"{statistics.fmean(differences):+.3f} ± {spread:.3f}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=CHOICES, default=list(CHOICES))
    parser.add_argument("--share", default="1/1", help="which of how many processes this is")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--table", action="store_true")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    if not args.table:
        measure(args)
    print(table(rows()))
    return 0


def measure(args: argparse.Namespace) -> None:
    """Trains and measures the twins of this process's share that have no row yet."""
    mine, of = map(int, args.share.split("/"))
    wanted = [
        (name, who, seed) for seed in range(args.seeds) for who in range(args.people) for name in args.only
    ]
    bench = None
    for number, key in enumerate(wanted):
        if number % of != mine - 1 or key in {(r["choice"], r["who"], r["seed"]) for r in rows()}:
            continue
        bench = bench or Bench(args.threads)
        begin = time.monotonic()
        row = {**bench.row(*key), "machine": machine(), "threads": args.threads}
        with ROWS.open("a") as f:  # one write per line, so that two processes can append
            f.write(json.dumps(row) + "\n")
        print(f"{number + 1}/{len(wanted)} {time.monotonic() - begin:.0f} s {json.dumps(row)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
