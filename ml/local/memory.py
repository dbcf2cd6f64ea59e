"""Computes the peak memory of training and rendering before anything is loaded.

`metering` counts the tensors of a step; weights are counted from the headers of their files. `MARGIN` and
`FIXED` cover the rest (workspaces of matrix products, the allocator's rounding and gaps). All numbers are
bytes; a GB in sentences is 1e9 bytes."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch

from ml.errors import MLError
from ml.local.metering import (
    Size,
    Workload,
    decoding_bytes,
    denoising_bytes,
    step_bytes,
    tokens_of,
    without_numbers,
)

MARGIN = 1.06  # factor on the counted bytes
FIXED = 500_000_000  # added: CUDA's libraries load their kernels at their first use
TRIFLE = 0.1  # below this share of the free memory, an upper bound replaces the exact count
BLOCKS = r"(single_)?transformer_blocks\.\d+\."


@dataclass(frozen=True)
class Savings:
    """Ways to save memory in training."""

    checkpointing: bool = False
    base_in_8_bits: bool = False
    adamw_in_8_bits: bool = False


# From fastest to smallest. Checkpointing comes first: it takes a third more time and changes no result.
# A base in 8 bits is slower (each weight is widened three times a step) and less exact. AdamW in 8 bits
# saves least and rounds the optimizer's state. The largest size is dropped last, because no other size
# teaches its details.
LADDER = (Savings(), Savings(True), Savings(True, True), Savings(True, True, True))

# (transformer in 8 bits, text encoders on the host). The transformer comes first: on a device that
# multiplies in 8 bits it costs no time, while encoders on the host cost seconds per text.
RUNGS = ((False, False), (True, False), (True, True))


@dataclass(frozen=True)
class TrainingPlan:
    savings: Savings
    sizes: tuple[Size, ...]  # smallest first
    needed: int  # an upper bound if `bound`
    free: int
    bound: bool = False

    def says(self) -> str:
        s = self.savings
        how = ["with checkpointing" if s.checkpointing else "no checkpointing"]
        how += ["base in 8 bits"] * s.base_in_8_bits + ["AdamW in 8 bits"] * s.adamw_in_8_bits
        needed = f"{'under ' * self.bound}{_gb(self.needed)}"
        return f"fits: {needed} of {_gb(self.free)} GB at {_px(self.sizes[-1])}, {', '.join(how)}"


@dataclass(frozen=True)
class ServingPlan:
    transformer_in_8_bits: bool
    text_on_host: bool  # the text encoders stay in the host's memory
    size: Size
    needed: int
    free: int

    def says(self) -> str:
        how = ["transformer in 8 bits"] * self.transformer_in_8_bits + [
            "text encoders on the host"
        ] * self.text_on_host
        said = ", ".join(how) or "all as it is"
        return f"fits: {_gb(self.needed)} of {_gb(self.free)} GB at {_px(self.size)}, {said}"


def plan_training(
    free: int, load: Workload, sizes: Iterable[Size], ladder: Sequence[Savings] = LADDER
) -> TrainingPlan:
    """The first step of the ladder that fits at all sizes (one per bucket), or else without the largest
    sizes. Text encoders and VAE are off the device during training. MLError `does_not_fit`."""
    parts, kept = _parts(load), sorted(set(sizes), key=lambda s: s[0] * s[1])
    least = kept[0]
    bound = _sum(
        load, parts, parts.weights + load.batch * tokens_of(load, kept[-1]) * parts.kept_a_token, ladder[0]
    )
    if bound <= TRIFLE * free:
        return TrainingPlan(ladder[0], tuple(kept), bound, free, bound=True)
    while kept:
        for savings in ladder:
            needed = _sum(load, parts, 0, savings)
            if _fits(needed, free):
                needed = training_peak(load, kept[-1], savings)
            if _fits(needed, free):
                return TrainingPlan(savings, tuple(kept), needed, free)
        kept.pop()
    raise _too_much("Training on", training_peak(load, least, ladder[-1]), free, least)


def plan_serving(free: int, folder: Path, load: Workload, size: Size, texts: int) -> ServingPlan:
    """How to hold the base in `folder` (diffusers' layout) to render up to `size`, with `texts` encodings
    kept. Reads only the headers of weights. MLError `does_not_fit`."""
    for rung in RUNGS:
        needed = _weights(folder, load, *rung)
        if _fits(needed, free):
            needed = serving_peak(folder, load, size, texts, *rung)
        if _fits(needed, free):
            return ServingPlan(*rung, size, needed, free)
    raise _too_much("Rendering with", serving_peak(folder, load, size, texts, *RUNGS[-1]), free, size)


def training_peak(load: Workload, size: Size, savings: Savings = LADDER[0], *, cuda: bool = True) -> int:
    """The peak of one step: forward, backward, AdamW. `cuda`: CUDA's kernels and autocast, else a CPU's."""
    return _sum(load, _parts(load), step_bytes(load, size, savings.checkpointing, cuda), savings)


def serving_peak(
    folder: Path,
    load: Workload,
    size: Size,
    texts: int,
    transformer_in_8_bits: bool = False,
    text_on_host: bool = False,
) -> int:
    """All weights, one LoRA, the kept texts, and the larger of a denoising step and decoding."""
    parts, wide = _parts(load), load.dtype.itemsize
    held = (parts.trained + texts * load.tokens * load.config["joint_attention_dim"]) * wide
    work = max(
        denoising_bytes(load, size) + parts.widest * transformer_in_8_bits,
        decoding_bytes(folder / "vae", size, load.dtype, load.batch),
    )
    return load.extra + _weights(folder, load, transformer_in_8_bits, text_on_host) + held + work


def free_bytes(device: str, root: Path = Path("/")) -> int:
    """The accelerator's free memory, or the host's within this container's limit."""
    if torch.device(device).type == "cuda":
        return torch.cuda.mem_get_info(device)[0]

    def number(file: str, name: str) -> int:
        return int(re.findall(rf"^{name}\s*(\d+)", (root / file).read_text(), re.MULTILINE)[0])

    free, group = number("proc/meminfo", "MemAvailable:") * 1024, "sys/fs/cgroup/memory"
    with contextlib.suppress(OSError, IndexError):  # no cgroup, or a limit of "max"
        cached = number(
            f"{group}.stat", "inactive_file"
        )  # of files read, such as weights: reclaimed on demand
        free = min(free, number(f"{group}.max", "") - number(f"{group}.current", "") + cached)
    return free


def _fits(needed: int, free: int) -> bool:
    return needed * MARGIN + FIXED <= free


def _too_much(what: str, needed: int, free: int, size: Size) -> MLError:
    return MLError(
        "does_not_fit",
        f"{what} this base needs {_gb(needed * MARGIN + FIXED)} GB at {_px(size)} "
        f"and {_gb(free)} GB are free: "
        "choose a smaller base or a larger accelerator, or close other programs on this one.",
    )


def _gb(count: float) -> str:
    return f"{count / 1e9:.1f}"


def _px(size: Size) -> str:
    return f"{size[0]} px" if size[0] == size[1] else f"{size[0]} x {size[1]} px"


# ---------------------------------------------------------------- weights


class _Parts(NamedTuple):
    weights: int
    weights_in_8_bits: int
    trained: int  # numbers, not bytes
    widest: int  # bytes of the blocks' largest layer: layers in 8 bits are widened one at a time
    kept_a_token: int  # bytes: at least three times the bytes that a step keeps per token


@lru_cache(maxsize=64)
def _parts(load: Workload) -> _Parts:
    net, wide = without_numbers(load.config, load.dtype), load.dtype.itemsize
    named = [(name, tuple(p.shape)) for name, p in net.named_parameters()]
    layers = {
        n: m.in_features + m.out_features for n, m in net.named_modules() if isinstance(m, torch.nn.Linear)
    }
    return _Parts(
        weights=sum(_held(name, shape, wide, False) for name, shape in named),
        weights_in_8_bits=sum(_held(name, shape, wide, True) for name, shape in named),
        trained=load.rank * sum(k for name, k in layers.items() if re.fullmatch(load.targets, name)),
        widest=max((math.prod(shape) * wide for name, shape in named if re.match(BLOCKS, name)), default=0),
        kept_a_token=8 * sum(layers.values()),
    )


def _held(name: str, shape: tuple[int, ...], wide: int, in_8_bits: bool) -> int:
    """Bytes of one weight. In 8 bits (see fp8.py) the blocks' linear layers take one byte per number and
    a float32 per row."""
    if in_8_bits and len(shape) == 2 and re.match(BLOCKS, name):
        return math.prod(shape) + 4 * shape[0]
    return math.prod(shape) * wide


def _sum(load: Workload, parts: _Parts, step: int, savings: Savings) -> int:
    base = parts.weights_in_8_bits if savings.base_in_8_bits else parts.weights
    held = 4 + 4 + (2 if savings.adamw_in_8_bits else 8)  # a parameter, its running mean, its two moments
    update = (4 + 4) * parts.trained  # AdamW needs the gradients and one buffer of their size
    return (
        load.extra + base + held * parts.trained + max(step + parts.widest * savings.base_in_8_bits, update)
    )


def _weights(folder: Path, load: Workload, transformer_in_8_bits: bool, text_on_host: bool) -> int:
    parts = [
        p for p in folder.iterdir() if p.is_dir() and not (text_on_host and p.name.startswith("text_encoder"))
    ]
    return sum(
        _held(name, shape, load.dtype.itemsize, transformer_in_8_bits and part.name == "transformer")
        for part in parts
        for name, shape in headers(part)
    )


def headers(part: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes in a part's safetensors files (those in its index, if it has one). Format: see
    whole.damage."""
    indexes = [json.loads(file.read_text())["weight_map"] for file in part.glob("*.safetensors.index.json")]
    for file in {part / name for index in indexes for name in index.values()} or part.glob("*.safetensors"):
        with file.open("rb") as f:
            header = json.loads(f.read(int.from_bytes(f.read(8), "little")))
        yield from ((name, tuple(entry["shape"])) for name, entry in header.items() if name != "__metadata__")
