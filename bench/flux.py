"""Measures FLUX's speed, compared with plain diffusers in the same run: `python -m bench.flux [PART...]`.

Parts: `serve` (a picture, a swap with many resident twins, several pictures in one pass), `train` (seconds
per step in each bucket), `cold` (from a process's start to its first delivered picture). Uses FLUX.1 schnell
at full size on an accelerator, else a small model of the same classes. Both have random weights, written once
to --work (34 GB at full size): speed does not depend on the values.

Plain serving is diffusers' pipeline, eager and fully compiled. Plain training is a loop of diffusers and peft
without our optimisations: VAE and text encoders at each step, eager, AdamW, loss without a mask. Each part's
figures go to bench/results/flux-MACHINE.json; full-size figures in the format that `python -m bench.serve`
reads. Exits 1 when our code is slower than plain, and on an H200 when a picture takes more than 1.6 times, or
a step more than 1.7 times, the minimum by arithmetic.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from bench.flux_serve import Serving
from bench.flux_train import Training
from bench.machine import machine
from bench.serve import QUALITIES, RESULTS, slug
from bench.wholesize import SMALL, random_lora
from ml.catalogue import Base
from ml.local.engine import LocalEngine
from ml.local.weights import FolderStore, checksum, dump
from ml.nets.scales import DRAWN
from ml.types import RenderSpec

# Seconds on one H200 at 790 TFLOP/s of dense bf16 (docs/engine.md, full size): a picture of 4 steps at 1024
# pixels, and a step by bucket.
FLOOR_PICTURE, FLOOR_STEP = 0.37, {512: 0.058, 768: 0.117, 1024: 0.216}
MOST_PICTURE, MOST_STEP, MOST_SWAP = 1.6, 1.7, 0.050
MOST_ERROR = 0.05  # largest error of a product in 8 bits, in standard deviations of the product
LEAST_PSNR = 30  # dB: least PSNR of pictures in 8 bits against exact ones


class Bench(Serving, Training):
    def cold(self) -> dict[str, Any]:
        """Measures a new process until its first picture is delivered, as in a worker."""
        with tempfile.TemporaryDirectory() as folder:
            command = [
                sys.executable,
                "-m",
                "bench.flux",
                "deliver",
                "--work",
                self.base.source,
                "--folder",
                folder,
            ]
            start = time.perf_counter()
            said = subprocess.run(
                [*command, *(["--small"] if self.shape is SMALL else [])],
                check=True,
                capture_output=True,
                text=True,
            )
            whole = time.perf_counter() - start
        told = json.loads(said.stdout.splitlines()[-1])
        return {"first_picture": round(whole - told.pop("later"), 2), **told}


def deliver(base: Base, folder: Path) -> None:
    """Prints the seconds per delivered picture, and the seconds since the first picture."""
    engine = LocalEngine(base.name, source=base.source, keys=folder)
    engine.base = base
    store = FolderStore(folder)
    tensors = random_lora(engine.models()[0].transformer, base, 1)
    facts = {"base": base.name, "subject": "woman", "embedder": DRAWN, "reference": [1.0] + [0.0] * 127}
    data = dump(tensors, facts)
    store.write("twin.safetensors", data)

    def render(i: int, quality: str) -> float:
        spec = RenderSpec("smiling, in a park", "twin.safetensors", checksum(data), quality=quality, seed=i)
        start = time.perf_counter()
        list(engine.render(spec, store=store))
        return time.perf_counter() - start

    render(0, "standard")
    later = time.perf_counter()
    took = {q: statistics.median([render(i, q) for i in range(6)][1:]) for q in QUALITIES}
    print(
        json.dumps(
            {"delivered": {k: round(v, 4) for k, v in took.items()}, "later": time.perf_counter() - later}
        )
    )


def faults(found: dict[str, Any], full: bool) -> list[str]:
    """The faults in the figures, one sentence each."""
    on_h200 = full and "H200" in found["machine"]
    out = serving_faults(found["serve"], on_h200) if "serve" in found else []
    for side, plain in found.get("train", {}).get("plain", {}).items():
        mine = min(found["train"][kind][side]["seconds"] for kind in ("ours", "ours_compiled"))
        if mine > plain["seconds"]:
            out.append(f"a step at {side} takes {mine} s, with plain diffusers {plain['seconds']} s")
        if on_h200 and mine > MOST_STEP * FLOOR_STEP[int(side)]:
            out.append(f"a step at {side} takes {mine / FLOOR_STEP[int(side)]:.2f} times the floor")
    return out


def serving_faults(serve: dict[str, Any], on_h200: bool) -> list[str]:
    ours, plain, rounded = serve["ours"], serve["plain"], serve["ours_in_8_bits"]
    mine, psnr = ours["picture"], rounded["psnr_db_on_nano"]
    checks = [
        (mine > plain["picture"], f"a picture takes {mine} s, with plain diffusers {plain['picture']} s"),
        (ours["compiled_again_by_swaps"], "a swap compiles again"),
        (
            (rounded.get("error_of_units") or 0) > MOST_ERROR,
            "the units for 8 bits compute something else than the processor",
        ),
        (psnr < LEAST_PSNR, f"pictures in 8 bits are {psnr} dB from the exact ones"),
        (ours["swap"] > MOST_SWAP, f"a swap takes {ours['swap']} s"),
        (
            on_h200 and mine > MOST_PICTURE * FLOOR_PICTURE,
            f"a picture takes {mine / FLOOR_PICTURE:.2f} times the floor",
        ),
    ]
    return [sentence for wrong, sentence in checks if wrong]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=["serve", "train", "cold", "deliver", []], default=[])
    parser.add_argument(
        "--work", type=Path, help="where the base is written (var/flux-full or var/flux-small)"
    )
    parser.add_argument("--small", action="store_true", default=not torch.cuda.is_available())
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--twins", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="for deliver")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    torch.set_num_threads(args.threads)
    work = args.work or Path("var") / ("flux-small" if args.small else "flux-full")
    work.parent.mkdir(parents=True, exist_ok=True)
    bench = Bench(work, args.small, args.rounds, args.twins)
    if args.parts == ["deliver"]:
        deliver(bench.base, args.folder)
        return 0
    path = RESULTS / f"flux-{'small-' if args.small else ''}{slug(machine())}.json"
    found = measure(bench, args.parts or ["serve", "train", "cold"], args.small, path)
    wrong = faults(found, not args.small)
    print("\n".join(wrong) or f"written: {path}")
    return int(bool(wrong))


def measure(bench: Bench, parts: list[str], small: bool, path: Path) -> dict[str, Any]:
    """Measures `parts`, and adds them to the file's figures of earlier runs after each part."""
    found = json.loads(path.read_text()) if path.exists() else {}
    found["machine"] = machine()
    found["engine"] = f"flux-schnell, {'small, ' if small else ''}random weights"
    for part in parts:
        found[part] = getattr(bench, part)()
        print(part, json.dumps(found[part], indent=1), flush=True)
        if "serve" in found and "cold" in found and not small:  # a small model's figures plan no fleet
            cold = found["cold"]
            found["seconds"] = {
                "picture": cold["delivered"],
                "swap": found["serve"]["ours"]["swap"],
                "cold_start": cold["first_picture"],
            }
        path.write_text(json.dumps(found, indent=1) + "\n")
    return found


if __name__ == "__main__":
    sys.exit(main())
