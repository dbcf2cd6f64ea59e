"""Measures clips by Wan 2.2 TI2V-5B, as a worker makes them: `python -m bench.wan [--source DIR]`.

With the weights in DIR (`manage.py fetch_models wan2-2-ti2v`) on an accelerator: a clip of 3 s at full size.
Without DIR a small model of the same classes with random weights, on whatever is there: it shows that the
pieces run, and its seconds say nothing of the full size. Printed: how it fits, the planned and the peak
memory, the seconds to load, of a step (median, without the first two) and of everything else, which is mostly
decoding. Exits 1 where the peak on an accelerator is above the plan, see wan.WORK.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.machine import machine
from ml.animation import AnimateSpec
from ml.begin_clip import Begin
from ml.catalogue import VIDEO_BASES, VideoBase
from ml.drawn.people import random_person, random_scene
from ml.drawn.portraits import draw
from ml.local import wan
from ml.local.files import find
from ml.local.loading import diffusers
from ml.types import Face, RenderSpec

FULL = VIDEO_BASES["wan2-2-ti2v"]
NOWHERE = Face((0.0, 0.0, 1.0, 1.0), 1.0, ())  # Wan is not told where the face is
WARM = 2  # steps


def small(folder: Path) -> VideoBase:
    from tests.ml.wan import save

    diffusers()  # as the engine imports it
    return replace(FULL, source=str(save(folder)), revision=None, area=64 * 96, steps=4, dtype="float32")


def peak(device: str) -> float:
    """GB: of the accelerator; without one, of this process."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def measured(video: VideoBase, device: str) -> dict[str, Any]:
    spec = AnimateSpec(RenderSpec("in a park"), motion="smile", seed=1)
    rng = np.random.default_rng(1)
    picture = draw(random_person(rng), random_scene(rng, framed=True), 512, 512)
    how = wan.plan(video, find(video), device, spec.frames + 1)
    made, steps = wan.Wan(video, device), [time.perf_counter()]
    made._loaded(spec.frames + 1)
    began = time.perf_counter()
    frames = made(Begin(picture, NOWHERE), spec, 0, lambda share: steps.append(time.perf_counter()))
    whole, took = time.perf_counter() - began, np.diff(steps[1:])
    each = statistics.median(took[WARM - 1 :].tolist())
    return {
        "fits": how.says(),
        "frames": len(frames),
        "size": list(frames[0].shape[1::-1]),
        "load_s": round(began - steps[0], 2),
        "clip_s": round(whole, 2),
        "step_s": round(each, 4),
        "else_s": round(whole - each * video.steps, 2),
        "planned_gb": round(how.needed / 1e9, 2),
        "peak_gb": round(peak(device), 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, help="the directory of the fetched weights")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        full = replace(FULL, source=str(args.source), revision=None) if args.source else None
        found = measured(full or small(Path(folder)), device)
    print(json.dumps({"model": FULL.name if full else "small, random weights", **found}, indent=1))
    return int(device == "cuda" and found["peak_gb"] > found["planned_gb"])


if __name__ == "__main__":
    sys.exit(main())
