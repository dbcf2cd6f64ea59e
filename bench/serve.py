"""Computes the accelerators for a day of 10,000 users and the cost of a picture: `python -m bench.serve`.

Simulates a day of requests (bench/day.py; the model is printed) with MEASURED service times and the render
workers' order of jobs (generation/schedule.py). Reads the named tables, by default every table in
bench/results with these keys, in seconds:

    {"machine": str, "engine": str,
     "seconds": {"picture": {"draft": s, "standard": s, "high": s},  one picture of a loaded twin
                 "swap": s,                      load another twin that is in memory
                 "cold_start": s},               from a process's start to its first picture
     "load": float}                              optional: load of other programs before the measurement

`--measure` measures this machine's engine and writes such a table:
bench/results/serve-ENGINE-MACHINE.json.

The target (N2): 95 of 100 requests get their first picture within 5 s; with `--whole`, their last picture.
Exits 1 when no fleet meets the target, or when the recommended fleet does not meet it on
another day.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.day import DAY, HOUR, MODEL, Fleet, Outcome, Request, Scaling, a_day, busiest_hour, percentile

RESULTS = Path(__file__).resolve().parent / "results"
QUALITIES = ("draft", "standard", "high")
MOST = 400  # servers: the limit of the search
BUSY = 0.3  # load of other programs above which the table warns


@dataclass(frozen=True)
class Times:
    """Measured service times, in seconds."""

    machine: str
    engine: str
    picture: dict[str, float]
    swap: float
    cold_start: float
    load: float = 0.0  # load of other programs before the measurement


def read(path: Path) -> Times | None:
    """The table in a file; None for other files."""
    try:
        said = json.loads(path.read_text())
        seconds = said["seconds"]
        picture = {quality: float(seconds["picture"][quality]) for quality in QUALITIES}
        swap, cold = float(seconds["swap"]), float(seconds["cold_start"])
        return Times(said["machine"], said["engine"], picture, swap, cold, float(said.get("load", 0)))
    except (OSError, KeyError, TypeError, ValueError):
        return None


# ---------------------------------------------------------------- the fleet


@dataclass(frozen=True)
class Aim:
    """The target for a fleet: 95 of 100 requests get their first (`whole`: last) picture in `target` s."""

    times: Times
    target: float
    whole: bool

    @property
    def what(self) -> str:
        return "every picture" if self.whole else "the first picture"

    def days(self, users: int, seed: int) -> list[Request]:
        day = a_day(users, self.times.picture, seed=seed)
        return [replace(r, first=r.work) for r in day] if self.whole else day

    def run(self, day: list[Request], servers: int | Scaling, *, grouped: bool = True) -> Outcome:
        return Fleet(day, servers, swap=self.times.swap, grouped=grouped, late=self.target).run()

    def full(self, day: list[Request], servers: int | Scaling, *, grouped: bool = True) -> Outcome:
        """Simulates the whole day, even if the target is missed."""
        return Fleet(day, servers, swap=self.times.swap, grouped=grouped).run()

    def meets(self, out: Outcome, places: list[int] | None = None) -> bool:
        if out.gave_up:
            return False
        return (
            percentile(out.first if places is None else [out.first[i] for i in places], 0.95) <= self.target
        )

    def needed(self, day: list[Request], *, grouped: bool, peak: list[int] | None = None) -> int | None:
        """The fewest servers that meet the target over the day, and in the hour `peak` if given. None when
        no number of servers does."""
        if percentile([r.first for r in day], 0.95) > self.target:
            return None  # even with one server per request
        start = max(int(sum(r.work for r in day) / DAY), 1)
        for servers in range(start, MOST):
            out = self.run(day, servers, grouped=grouped)
            if self.meets(out) and (peak is None or self.meets(out, peak)):
                return servers
        return None

    def scaled(
        self, day: list[Request], peak: list[int], provision: float, *, most: int, grouped: bool
    ) -> Scaling | None:
        """A scaling fleet with the fewest spare servers, up to `most`, that meets the target over the day and
        in its busiest hour."""
        for spare in range(most + 1):
            scaling = Scaling(spare, provision + self.times.cold_start)
            out = self.run(day, scaling, grouped=grouped)
            if self.meets(out) and self.meets(out, peak):
                return scaling
        return None


# ---------------------------------------------------------------- the table

WAYS = ((True, "by twin"), (False, "in turn"))
HEAD = (
    f"{'':44}{'servers':>8}{'wait s':>14}{'first s':>9}{'all s':>8}{'hour':>8}"
    f"{'swaps':>9}{'busy':>7}{'hours':>8}{'a picture':>11}\n"
    f"{'':52}{'50th':>7}{'95th':>7}{'95th':>9}{'95th':>8}{'95th':>8}{'a job':>9}"
)


def line(name: str, day: list[Request], peak: list[int], out: Outcome, price: float) -> str:
    hours, pictures = out.paid / HOUR, sum(r.pictures for r in day)
    hour = percentile([out.first[i] for i in peak], 0.95)
    return (
        f"{name:44}{out.most:8}{percentile(out.wait, 0.5):7.2f}{percentile(out.wait, 0.95):7.2f}"
        f"{percentile(out.first, 0.95):9.2f}{percentile(out.whole, 0.95):8.2f}{hour:8.2f}"
        f"{out.swaps / len(day):9.3f}{out.busy / out.paid:7.0%}{hours:8.1f}{hours * price / pictures:11.5f}"
    )


def simulate(times: Times, args: argparse.Namespace) -> bool:
    """Prints one machine's table. True when the recommended fleet also meets the target on another
    day."""
    aim = Aim(times, args.target, args.whole)
    day = aim.days(args.users, args.seed)
    peak = busiest_hour(day)
    introduce(times, day, peak)
    by_day = {grouped: aim.needed(day, grouped=grouped) for grouped, _ in WAYS}
    by_hour = {grouped: aim.needed(day, grouped=grouped, peak=peak) for grouped, _ in WAYS}
    least, servers = by_day[True], by_hour[True]
    if least is None or servers is None:
        print(
            f"No fleet has {aim.what} of 95 in 100 requests done within {args.target:g} s:"
            " the work alone takes longer."
        )
        return False
    print(HEAD)
    compare(aim, day, peak, by_day, by_hour, args)
    other = aim.full(aim.days(args.users, args.seed + 1), servers)
    print(
        f"{aim.what} of 95 in 100 requests within {args.target:g} s: {least} servers over the day,"
        f" {servers} in its busiest hour too (recommended)."
        f" Another day with {servers}: {percentile(other.first, 0.95):.2f} s"
    )
    return aim.meets(other)


def compare(
    aim: Aim,
    day: list[Request],
    peak: list[int],
    by_day: dict[bool, int | None],
    by_hour: dict[bool, int | None],
    args: argparse.Namespace,
) -> None:
    """Prints a line per fleet: fixed ones that are large enough, one that is too small, scaling ones."""
    least, servers = by_day[True], by_hour[True]
    assert least
    assert servers
    enough = (("the day", by_day), ("its busiest hour", by_hour))
    sizes = {size for _, found in enough for size in found.values() if size}
    for size in sorted(sizes | {max(least - 1, 1)}):
        for grouped, how in WAYS:
            why = " and ".join(name for name, found in enough if found[grouped] == size)
            name = f"fixed, {how}" + (f", for {why}" if why else "")
            print(line(name, day, peak, aim.full(day, size, grouped=grouped), args.price))
    for grouped, how in WAYS:
        if scaling := aim.scaled(day, peak, args.provision, most=servers, grouped=grouped):
            name = f"scaled, {how}, {scaling.spare} spare"
            print(line(name, day, peak, aim.full(day, scaling, grouped=grouped), args.price))
    other = aim.full(aim.days(args.users, args.seed + 1), servers)
    print(
        f"{aim.what} of 95 in 100 requests within {args.target:g} s: {least} servers over the day,"
        f" {servers} in its busiest hour too (recommended)."
        f" Another day with {servers}: {percentile(other.first, 0.95):.2f} s"
    )
    return aim.meets(other)


def introduce(times: Times, day: list[Request], peak: list[int]) -> None:
    print(f"\n{times.engine}, measured on: {times.machine}")
    made = ", ".join(f"{times.picture[q]:.3f} {q}" for q in QUALITIES)
    print(f"seconds: a picture {made}; a swap {times.swap:.4f}; a cold start {times.cold_start:.1f}")
    if times.load > BUSY:
        print(
            f"Other programs ran beside the measurement (a load of {times.load:.1f}):"
            " these seconds are too many."
        )
    mean, most = sum(r.work for r in day) / DAY, sum(day[i].work for i in peak) / HOUR
    print(
        f"{len(day)} requests, {sum(r.pictures for r in day)} pictures;"
        f" work for {mean:.2f} servers on average, {most:.2f} in the busiest hour"
    )


# ---------------------------------------------------------------- measuring

FIRST = """
import sys
from ml.local.engine import LocalEngine
from ml.types import RenderSpec
next(LocalEngine(sys.argv[1], source=sys.argv[2] or None).render(RenderSpec("in a park", quality="draft")))
print("made", flush=True)
"""


def measure(engine: str, source: str, rounds: int) -> Path:
    """Writes a table of the engine's medians over `rounds`."""
    from bench.machine import machine

    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PHOTOFLUX_KEYS"] = f"{folder}/keys"
        cold = statistics.median(cold_start(engine, source) for _ in range(3))
        picture, swap = warm(engine, source, Path(folder), rounds)
    seconds = {"picture": picture, "swap": swap, "cold_start": cold}
    table = {"machine": machine(), "engine": engine, "seconds": seconds, "load": round(load, 2)}
    path = RESULTS / f"serve-{engine}-{slug(machine())}.json"
    path.write_text(json.dumps(table, indent=2) + "\n")
    return path


def cold_start(engine: str, source: str) -> float:
    """Seconds from the start of a process to its first picture, with files in the page cache."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", FIRST, engine, source], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"made\n"
    took = time.perf_counter() - start
    process.wait()
    return round(took, 3)


def warm(engine: str, source: str, folder: Path, rounds: int) -> tuple[dict[str, float], float]:
    """Seconds of a picture by quality, each with a new prompt, and of a swap between two resident twins."""
    from ml.local.engine import LocalEngine
    from ml.local.weights import FolderStore
    from ml.types import RenderSpec

    engine, store = LocalEngine(engine, source=source or None), FolderStore(folder)
    twins = [random_twin(engine, store, seed) for seed in (1, 2)]

    def render(quality: str, i: int) -> float:
        name, checksum = twins[0]
        spec = RenderSpec(f"in a park, number {quality} {i}", name, checksum, quality=quality, seed=i)
        start = time.perf_counter()
        list(engine.render(spec, store=store))
        return time.perf_counter() - start

    def swap_to(i: int) -> float:
        name, checksum = twins[i % 2]
        start = time.perf_counter()
        loaded = engine.read(RenderSpec("in a park", name, checksum), store)
        engine.models()[2].load(*loaded)
        wait_for(engine.device)
        return time.perf_counter() - start

    for quality in QUALITIES:  # warm-up
        render(quality, -1)
    # Alternating, so that other programs slow all qualities equally.
    took = [{q: render(q, i) for q in QUALITIES} for i in range(rounds)]
    picture = {q: round(statistics.median(t[q] for t in took), 4) for q in QUALITIES}
    swap = statistics.median([swap_to(i) for i in range(1, 2 * rounds + 3)][2:])
    return picture, round(swap, 5)


def wait_for(device: str) -> None:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def random_twin(engine: Any, store: Any, seed: int) -> tuple[str, str]:
    """Writes a twin's file with small random weights: (name, checksum). It hardly changes the pictures."""
    import torch

    from ml.local import lora
    from ml.local.weights import checksum, dump
    from ml.nets.scales import DRAWN

    g, pipe = torch.Generator().manual_seed(seed), engine.models()[0]
    shapes = lora.expected_shapes(pipe.transformer, engine.base)
    tensors = {name: (0.001 * torch.randn(shape, generator=g)).half() for name, shape in shapes.items()}
    facts = {
        "base": engine.base.name,
        "subject": "person",
        "embedder": DRAWN,
        "reference": [1.0] + [0.0] * 127,
    }
    data = dump(tensors, facts)
    store.write(f"{seed}.safetensors", data)
    return f"{seed}.safetensors", checksum(data)


def slug(machine: str) -> str:
    """A file name from the accelerator's name, or from the processor's name and cores."""
    cpu, cores, gpu = (part.strip() for part in machine.split(",")[:3])
    name = f"{cpu} {cores}" if gpu == "no accelerator" else gpu
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


# ---------------------------------------------------------------- the command


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, help="measured tables (default: all in bench/results)")
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", type=float, default=5.0, help="seconds, for 95 of 100 requests (5)")
    parser.add_argument(
        "--whole", action="store_true", help="the target is for a request's last picture, not its first"
    )
    parser.add_argument(
        "--price",
        type=float,
        default=3.5,
        help="of a server an hour: an assumption, not measured (3.50, about what an H200 is let for)",
    )
    parser.add_argument(
        "--provision",
        type=float,
        default=0.0,
        help="seconds until a new machine starts the process (0: it is there)",
    )
    parser.add_argument(
        "--measure", action="store_true", help="measure this machine first, and simulate with that"
    )
    parser.add_argument("--engine", default="nano", help="the base to measure")
    parser.add_argument("--source", default="", help="a directory in the base's place")
    parser.add_argument("--rounds", type=int, default=15, help="pictures of each quality that are measured")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    if args.measure:
        args.files = [measure(args.engine, args.source, args.rounds)]
        print(f"written: {args.files[0]}")
    tables = [(path, read(path)) for path in args.files or sorted(RESULTS.glob("*.json"))]
    if wrong := [str(path) for path, times in tables if times is None and path in args.files]:
        print(f"{', '.join(wrong)}: not a table of measured times. See --help for its keys.")
        return 2
    found = [times for _, times in tables if times]
    if not found:
        print("Nothing is measured yet. Run: python -m bench.serve --measure")
        return 2
    start = time.perf_counter()
    print(
        f"A day of {args.users} users (seed {args.seed}); {args.price:g} an hour and server, an assumption."
        f" The model:\n{MODEL}"
    )
    good = [simulate(times, args) for times in found]
    print(f"\nsimulated in {time.perf_counter() - start:.0f} s")
    return int(not all(good))


if __name__ == "__main__":
    sys.exit(main())
