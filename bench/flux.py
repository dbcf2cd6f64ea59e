"""How quick FLUX is here, beside plain diffusers in the same run: `python -m bench.flux [PART...]`.

Parts: `serve` (a picture, a swap with many twins resident, several in one pass), `train` (seconds a step in each bucket), `cold`
(a process's start until its first picture is delivered). On an accelerator FLUX.1 schnell at its full size, else a small model of the
same classes, both with random weights written once to --work (34 GB at full size): speed does not depend on the values.

Plain serving is diffusers' own pipeline, eager, and compiled whole. Plain training is a loop of diffusers and peft with none of
our measures: codec and text encoders at each step, eager, AdamW, loss without a mask.

Figures go to bench/results/flux-MACHINE.json, part by part, of full size in the form that `python -m bench.serve` reads. On an H200 exits 1 when a
picture takes more than 1.6 times, or a step more than 1.7 times, the floor that the arithmetic sets; anywhere when ours is slower than plain.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.machine import machine
from bench.serve import QUALITIES, RESULTS, slug
from bench.wholesize import FULL, SMALL, SQUARE, random_lora, write
from ml.local import fitting, lora
from ml.local.attention import short_attention
from ml.local.bases import BASES, Base
from ml.local.dataset import Example
from ml.local.flux import encode_picture, encode_text, load_pipeline, quicken, resting
from ml.local.fp8 import Float8Linear, has_units
from ml.local.memory import Job
from ml.local.sample import TEXTS, Painter
from ml.local.studio import LocalStudio
from ml.local.train import Run, step_once
from ml.local.weights import FolderStore, checksum, dump, pinned
from ml.types import RenderSpec

TEXT = "photo of ohwx woman, smiling, in a park, wearing a blue t-shirt, soft light"
# Seconds on one H200 at 790 TFLOP/s of dense bf16 (docs/engine.md, full size): a picture of 4 steps at 1024 pixels, a step by bucket.
FLOOR_PICTURE, FLOOR_STEP = 0.37, {512: 0.058, 768: 0.117, 1024: 0.216}
MOST_PICTURE, MOST_STEP, MOST_SWAP = 1.6, 1.7, 0.050
MOST_ERROR = 0.05  # of a product in 8 bits, in units of its spread
LEAST_PSNR = 30  # dB of pictures in 8 bits, from the exact ones


class Bench:
    def __init__(self, work: Path, small: bool, rounds: int, twins: int):
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.shape = SMALL if small else FULL
        self.base: Base = write(work, self.shape, self.device)
        self.rounds, self.twins = rounds, twins
        self.size = self.base.sizes.by_aspect[SQUARE]

    # ------------------------------------------------------------ measuring

    def seconds(self, work: Callable[[int], Any], warm: int = 2) -> float:
        """The median of a call; the first ones, in which things are compiled, do not count."""
        took = []
        for i in range(warm + self.rounds):
            self.wait()
            start = time.perf_counter()
            work(i)
            self.wait()
            took.append(time.perf_counter() - start)
        return round(statistics.median(took[warm:]), 5)

    def wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()

    def fresh(self) -> None:
        """Nothing of what came before is compiled or counted."""
        torch._dynamo.reset()
        if self.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def peak(self) -> float:
        """GB: the accelerator's since `fresh`, without one the process's since its start."""
        if self.device == "cuda":
            return round(torch.cuda.max_memory_allocated() / 1e9, 2)
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2)

    # ------------------------------------------------------------ serving

    def serve(self) -> dict[str, Any]:
        out: dict[str, Any] = {"pixels": self.shape.side, "steps": 4}
        out["plain"], out["plain_compiled"] = self.plain()
        out["ours"] = self.ours()
        out["ours_in_8_bits"] = self.in_8_bits()
        free = 10**15  # what it would take, whatever is here
        plan = fitting.plan_serving(free, Path(self.base.source), self.job(), self.size, TEXTS)
        out["planned_gb"] = round(plan.needed / 1e9, 2)
        return out

    def job(self) -> Job:
        return fitting.job(self.base, Path(self.base.source) / "transformer", batch=1)

    def in_8_bits(self) -> dict[str, Any]:
        """With products in 8 bits where the device has units for them; its pictures beside the exact ones of the nano base, whose
        weights are no random ones."""
        self.fresh()
        pipe = load_pipeline(self.base, self.device, in_8_bits=True)
        lora.Swapper(pipe, self.base, always=True)
        quicken(pipe.transformer, pipe.vae)
        painter = Painter(pipe, self.base)

        def picture(i: int) -> None:
            painter.paint(TEXT, size=self.size, steps=4, seed=i)

        first = self.seconds_of(lambda: picture(-1))
        out = {
            "units": has_units(self.device),
            "picture": self.seconds(picture),
            "first": first,
            "peak_gb": self.peak(),
        }
        out["error_of_units"] = self.error_of_units() if out["units"] else None
        nano = BASES["nano"]
        drawn = []
        for in_8_bits in (False, True):
            painter = Painter(load_pipeline(nano, self.device, in_8_bits=in_8_bits), nano)
            size = nano.sizes.by_aspect[SQUARE]
            drawn.append(
                np.stack([painter.paint(TEXT, size=size, steps=6, seed=i) for i in range(8)]).astype(float)
            )
        error = drawn[0] - drawn[1]
        psnr = 10 * np.log10(255**2 / (error**2).mean())
        return out | {
            "psnr_db_on_nano": round(float(psnr), 1),
            "levels_on_nano": round(float(np.abs(error).mean()), 2),
        }

    @torch.no_grad()
    def error_of_units(self) -> float:
        """Of their product, against the same one on the processor: the largest difference in units of its spread."""
        g = torch.Generator().manual_seed(0)
        layer, x = torch.nn.Linear(3072, 3072), torch.randn(300, 3072, generator=g).bfloat16()
        torch.nn.init.normal_(layer.weight, std=0.02, generator=g)
        there = Float8Linear.from_linear(layer.bfloat16())
        here = deepcopy(there).to("cpu")
        here.units = True
        exact = here(x).float()
        return round(
            float((there.to(self.device)(x.to(self.device)).float().cpu() - exact).abs().max() / exact.std()),
            4,
        )

    def plain(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Diffusers as its documentation has it: a pipeline, a LoRA, a prompt; eager, then compiled."""
        self.fresh()
        pipe = load_pipeline(self.base, self.device)
        pipe.load_lora_weights(random_lora(pipe.transformer, self.base, 1), adapter_name="one")

        def picture(i: int) -> None:
            pipe(
                TEXT,
                width=self.size[0],
                height=self.size[1],
                num_inference_steps=4,
                guidance_scale=0.0,
                max_sequence_length=self.base.tokens,
                generator=torch.Generator().manual_seed(i),
                output_type="np",
            )

        def measured() -> dict[str, Any]:
            first = self.seconds_of(lambda: picture(-1))
            return {"picture": self.seconds(picture), "first": first, "peak_gb": self.peak()}

        eager = measured()
        pipe.transformer.compile()
        return eager, measured()

    def ours(self) -> dict[str, Any]:
        self.fresh()
        pipe = load_pipeline(self.base, self.device)
        painter, swapper = Painter(pipe, self.base), lora.Swapper(pipe, self.base, always=True)
        some = [pinned(random_lora(pipe.transformer, self.base, seed)) for seed in range(min(self.twins, 4))]
        # Resident means held by itself: as many copies as twins, not one that is looked at often.
        resident = [pinned({k: v.clone() for k, v in some[i % len(some)].items()}) for i in range(self.twins)]
        facts = {"base": self.base.name}

        def picture(i: int) -> None:
            painter.paint(TEXT, size=self.size, steps=4, seed=i)

        def swap(i: int) -> None:
            swapper.wear(f"{i}", resident[i % len(resident)], facts)

        swap(0)
        quicken(pipe.transformer, pipe.vae)
        first = self.seconds_of(lambda: picture(-1))
        out = {"picture": self.seconds(picture), "first": first}
        out |= {"swap": self.seconds(swap), "twins_resident": self.twins, "peak_gb": self.peak()}
        graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
        out["picture_after_swaps"] = self.seconds(picture, warm=1)
        out["compiled_again_by_swaps"] = torch._dynamo.utils.counters["stats"]["unique_graphs"] - graphs
        four = self.seconds(
            lambda i: painter.paint_some([TEXT] * 4, size=self.size, steps=4, seeds=range(4 * i, 4 * i + 4))
        )
        return out | {"picture_of_four_at_once": round(four / 4, 5)}

    def seconds_of(self, work: Callable[[], Any]) -> float:
        start = time.perf_counter()
        work()
        self.wait()
        return round(time.perf_counter() - start, 3)

    # ------------------------------------------------------------ training

    def train(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "ours": self.steps_of_ours(compiled=False),
            "ours_compiled": self.steps_of_ours(compiled=True),
        }
        for side, quick in out["ours_compiled"].items():
            slow = out["ours"][side]
            won = slow["seconds"] - quick["seconds"]
            quick["won_back_after_steps"] = round((quick["first"] - slow["first"]) / won) if won > 0 else None
        return out | {"plain": self.steps_of_plain()}

    def pixels(self, side: int) -> torch.Tensor:
        return (torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(side)) * 2 - 1).to(
            self.device
        )

    def steps_of_ours(self, *, compiled: bool) -> dict[str, Any]:
        """By bucket: a step of the trainer on one example."""
        self.fresh()
        pipe = load_pipeline(self.base, self.device)
        text = tuple(part.float() for part in encode_text(pipe, self.base, TEXT))
        examples = []
        for side in self.shape.buckets:
            latents = encode_picture(pipe, self.base, self.pixels(side)).float()
            examples.append(
                Example("p", (side, side), latents, torch.ones_like(latents[..., :1]), text, TEXT)
            )
        lora.add_assistant(pipe.transformer, self.base)
        run = Run.start(pipe.transformer, self.base, 0)
        lora.use(pipe.transformer, training=True)
        if compiled:
            quicken(pipe.transformer)
        with resting(pipe, self.base, pipe.transformer), short_attention(pipe.transformer, self.device):
            return {str(example.size[0]): self.step_of_ours(run, example) for example in examples}

    def step_of_ours(self, run: Run, example: Example) -> dict[str, Any]:
        if self.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        first = self.seconds_of(lambda: step_once(run, self.base, [example], example.text, 0, 1000))
        seconds = self.seconds(lambda i: step_once(run, self.base, [example], example.text, 0, 1000))
        planned = fitting.plan_training(10**15, self.job(), [example.size]).needed / 1e9
        return {"seconds": seconds, "first": first, "peak_gb": self.peak(), "planned_gb": round(planned, 2)}

    def steps_of_plain(self) -> dict[str, Any]:
        from peft import LoraConfig

        self.fresh()
        pipe = load_pipeline(self.base, self.device)
        pipe.transformer.add_adapter(LoraConfig(r=16, lora_alpha=16, target_modules=self.base.family.targets))
        params = [p for p in pipe.transformer.parameters() if p.requires_grad]
        for p in params:
            p.data = p.data.float()
        optimizer = torch.optim.AdamW(params, lr=1e-4)
        return {str(side): self.step_of_plain(pipe, params, optimizer, side) for side in self.shape.buckets}

    def step_of_plain(self, pipe: Any, params: Any, optimizer: Any, side: int) -> dict[str, Any]:
        pixels = self.pixels(side)

        def step(i: int) -> None:
            with torch.no_grad():
                text = encode_text(pipe, self.base, TEXT)
                z = encode_picture(pipe, self.base, pixels)
            noise, t = torch.randn_like(z), torch.rand(1, device=self.device)
            x = (1 - t) * z + t * noise
            with torch.autocast(self.device, torch.bfloat16):
                v = self.base.family.velocity(pipe.transformer, x, t, text, (side, side))
            (v.float() - (noise - z).float()).pow(2).mean().backward()
            torch.nn.utils.clip_grad_norm_(params, 1.0)
            optimizer.step()
            optimizer.zero_grad()

        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        return {"seconds": self.seconds(step), "peak_gb": self.peak()}

    # ------------------------------------------------------------ cold start

    def cold(self) -> dict[str, Any]:
        """Through the door, in processes of their own: all that a worker does until a picture is delivered."""
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
    """Says what pictures take that are delivered, and the seconds that passed since the first."""
    studio = LocalStudio(base.name, source=base.source, keys=folder)
    studio.base = base
    store = FolderStore(folder)
    tensors = random_lora(studio._models()[0].transformer, base, 1)
    facts = {
        "base": base.name,
        "subject": "woman",
        "embedder": studio.faces.name,
        "reference": [1.0] + [0.0] * 127,
    }
    data = dump(tensors, facts)
    store.write("twin.safetensors", data)

    def render(i: int, quality: str) -> float:
        spec = RenderSpec("smiling, in a park", "twin.safetensors", checksum(data), quality=quality, seed=i)
        start = time.perf_counter()
        list(studio.render(spec, store=store))
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
    """What is not as it should be, one sentence each."""
    out = []
    if serve := found.get("serve"):
        mine, plain = serve["ours"]["picture"], serve["plain"]["picture"]
        if mine > plain:
            out.append(f"a picture takes {mine} s, with plain diffusers {plain} s")
        if serve["ours"]["compiled_again_by_swaps"]:
            out.append("a swap compiles again")
        if (serve["ours_in_8_bits"].get("error_of_units") or 0) > MOST_ERROR:
            out.append("the units for 8 bits compute something else than the processor")
        if serve["ours_in_8_bits"]["psnr_db_on_nano"] < LEAST_PSNR:
            out.append(
                f"pictures in 8 bits are {serve['ours_in_8_bits']['psnr_db_on_nano']} dB from the exact ones"
            )
        if serve["ours"]["swap"] > MOST_SWAP:
            out.append(f"a swap takes {serve['ours']['swap']} s")
        if full and "H200" in found["machine"] and mine > MOST_PICTURE * FLOOR_PICTURE:
            out.append(f"a picture takes {mine / FLOOR_PICTURE:.2f} times the floor")
    for side, plain in found.get("train", {}).get("plain", {}).items():
        mine = min(found["train"][kind][side]["seconds"] for kind in ("ours", "ours_compiled"))
        if mine > plain["seconds"]:
            out.append(f"a step at {side} takes {mine} s, with plain diffusers {plain['seconds']} s")
        if full and "H200" in found["machine"] and mine > MOST_STEP * FLOOR_STEP[int(side)]:
            out.append(f"a step at {side} takes {mine / FLOOR_STEP[int(side)]:.2f} times the floor")
    return out


def main() -> int:
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
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    work = args.work or Path("var") / ("flux-small" if args.small else "flux-full")
    work.parent.mkdir(parents=True, exist_ok=True)
    bench = Bench(work, args.small, args.rounds, args.twins)
    if args.parts == ["deliver"]:
        deliver(bench.base, args.folder)
        return 0
    said = machine()
    path = RESULTS / f"flux-{'small-' if args.small else ''}{slug(said)}.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    found |= {
        "machine": said,
        "engine": "flux-schnell, small, random weights" if args.small else "flux-schnell, random weights",
    }
    for part in args.parts or ["serve", "train", "cold"]:
        found[part] = getattr(bench, part)()
        print(part, json.dumps(found[part], indent=1), flush=True)
        if "serve" in found and "cold" in found and not args.small:  # of a small one nobody's day is made
            cold = found["cold"]
            found["seconds"] = {
                "picture": cold["delivered"],
                "swap": found["serve"]["ours"]["swap"],
                "cold_start": cold["first_picture"],
            }
        path.write_text(json.dumps(found, indent=1) + "\n")
    wrong = faults(found, not args.small)
    print("\n".join(wrong) or f"written: {path}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
