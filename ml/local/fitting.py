"""Plans how a base fits into this machine's memory, and prepares the transformer for training."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ml.catalogue import Base
from ml.errors import MLError
from ml.local.compilation import compile_blocks, undo_compilation
from ml.local.files import find, find_adapter, find_undistilled
from ml.local.fp8 import Float8Linear, quantise
from ml.local.loading import alone_on_device, load_undistilled
from ml.local.memory import ServingPlan, TrainingPlan, Workload, free_bytes, plan_serving, plan_training
from ml.local.sample import TEXTS


def serving(base: Base, device: str) -> ServingPlan:
    """The plan for rendering. MLError `base_missing`, `base_broken`, `does_not_fit`. Reads no weights."""
    folder, size = find(base), max(base.sizes.by_aspect.values(), key=lambda s: s[0] * s[1])
    asked = workload(base, folder / "transformer", batch=base.batch)
    return plan_serving(free_bytes(device), folder, asked, size, TEXTS)


def training(base: Base, device: str, pipe: Any = None) -> TrainingPlan:
    """The plan for training. Parts of a loaded `pipe` that leave the device during the loop count as free.
    MLError `does_not_fit`, or those of `find`."""
    adapter = find_adapter(base)
    folder = find_undistilled(base) or find(base) / "transformer"
    asked = workload(base, folder, batch=base.recipe.batch, extra=adapter.stat().st_size if adapter else 0)
    if device != "cpu":
        torch.cuda.empty_cache()
    free = free_bytes(device)
    if pipe is not None:
        parts = (pipe.transformer, pipe.vae, *(getattr(pipe, name) for name in base.layout.encoders))
        off = parts[:1] if device == "cpu" else parts  # on a CPU the other parts stay in memory
        free += sum(p.nbytes for part in off if part is not None for p in part.parameters())
    return plan_training(free, asked, base.sizes.train)


def says(base: Base, device: str) -> tuple[str, str]:
    """(serving, training): the plan in words for each, or the error's message."""
    out = []
    for plan in (serving, training):
        try:
            out.append(plan(base, device).says())
        except MLError as e:
            out.append(e.message)
    return out[0], out[1]


def workload(base: Base, transformer: Path, *, batch: int, extra: int = 0) -> Workload:
    config = json.loads((transformer / "config.json").read_text())
    return Workload(
        config,
        base.layout.targets,
        rank=base.rank,
        tokens=base.tokens,
        batch=batch,
        dtype=getattr(torch, base.dtype),
        extra=extra,
    )


@contextlib.contextmanager
def trainee(pipe: Any, base: Base, device: str, plan: TrainingPlan, steps: int) -> Iterator[Any]:
    """The transformer to train, alone on the device and prepared by the plan. Compiled if there are enough
    `steps`.

    A base in 8 bits stays in 8 bits, so that checkpoints are scored on the base they were trained on.
    """
    other = load_undistilled(base, "cpu")
    net = pipe.transformer if other is None else other
    with alone_on_device(pipe, base, net):
        if plan.savings.base_in_8_bits:
            quantise(net, device)
        net.to(device)
        for layer in net.modules():
            if isinstance(layer, Float8Linear):
                layer.units = False  # the same arithmetic with and without gradients
        if plan.savings.checkpointing:
            net.enable_gradient_checkpointing()
        if device != "cpu" and base.recipe.compile_from is not None and steps >= base.recipe.compile_from:
            compile_blocks(net)
        try:
            yield net
        finally:
            undo_compilation(net)
            net.disable_gradient_checkpointing()
