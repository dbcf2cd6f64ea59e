"""Code shared by the FLUX benches: a base with random weights, seconds and memory."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bench.wholesize import FULL, SMALL, SQUARE, write
from ml.catalogue import Base
from ml.local import fitting
from ml.local.metering import Workload

TEXT = "photo of ohwx woman, smiling, in a park, wearing a blue t-shirt, soft light"


class Timing:
    def __init__(self, work: Path, small: bool, rounds: int, twins: int):
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.shape = SMALL if small else FULL
        self.base: Base = write(work, self.shape, self.device)
        self.rounds, self.twins = rounds, twins
        self.size = self.base.sizes.by_aspect[SQUARE]

    def seconds(self, work: Callable[[int], Any], warm: int = 2) -> float:
        """The median seconds of a call, without the first calls, which compile."""
        took = []
        for i in range(warm + self.rounds):
            self.wait()
            start = time.perf_counter()
            work(i)
            self.wait()
            took.append(time.perf_counter() - start)
        return round(statistics.median(took[warm:]), 5)

    def seconds_of(self, work: Callable[[], Any]) -> float:
        start = time.perf_counter()
        work()
        self.wait()
        return round(time.perf_counter() - start, 3)

    def wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()

    def fresh(self) -> None:
        """Resets compiled code and memory counters."""
        torch._dynamo.reset()
        if self.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def peak(self) -> float:
        """Peak memory in GB: the accelerator's since `fresh`; without one, the process's since its start."""
        if self.device == "cuda":
            return round(torch.cuda.max_memory_allocated() / 1e9, 2)
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2)

    def workload(self) -> Workload:
        return fitting.workload(self.base, Path(self.base.source) / "transformer", batch=1)
