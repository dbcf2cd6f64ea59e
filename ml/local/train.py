"""Trains twins: flow matching on a LoRA, the same for every base.

A step's randomness depends only on (seed, step). The checkpoint holds weights, optimizer state and running
mean. A resumed training therefore gives the same weights as an uninterrupted one, bit for bit on a CPU with
the same number of threads."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from ml.catalogue import Base
from ml.errors import MLError, Stopped
from ml.local import lora
from ml.local.dataset import Example
from ml.local.families import Text, family_of
from ml.local.objective import batches, noising
from ml.local.optim import OPTIMIZERS
from ml.local.precision import halves, mixed
from ml.local.weights import dump, parse
from ml.types import Progress, Store, TrainSpec

UNREAD = 16  # losses are read in groups of this size, because each read waits for the device
WARM_UP = 20  # steps
LEAST_RATE = 0.02  # the final learning rate, as a share of the recipe's


def steps_for(base: Base, photos: int) -> int:
    r = base.recipe
    return max(r.steps_least, min(r.steps_most, r.steps_per_photo * photos))


@dataclass
class TrainingState:
    """The state that a checkpoint saves. `shown` are the LoRA parameters of the transformer that samples."""

    transformer: Any
    params: list[torch.nn.Parameter]
    optimizer: Any  # AdamW or AdamW8; None once released
    mean: list[torch.Tensor]
    shown: list[torch.nn.Parameter]
    halves: bool = True  # multiplies in bfloat16; saved, because timing chooses it anew in each process
    step: int = 0
    losses: list[float] = field(default_factory=list)
    unread: list[torch.Tensor] = field(default_factory=list)  # losses still on the device
    kept: dict[int, list[torch.Tensor]] = field(default_factory=dict)  # step -> averaged weights, on the host

    @classmethod
    def start(
        cls, transformer: Any, base: Base, seed: int, *, sampling: Any = None, optimizer: str = "adamw"
    ) -> TrainingState:
        """`sampling` is the transformer that samples, if it is not the trained one. `optimizer` is a key of
        OPTIMIZERS."""
        params = lora.add(transformer, base, seed)
        shown = params if sampling is None else lora.add(sampling, base, seed)
        chosen = OPTIMIZERS[optimizer](params, base.recipe.rate)
        mean = [p.detach().clone() for p in params]
        half = base.dtype != "float32" or halves(str(params[0].device))
        return cls(transformer, params, chosen, mean, shown, half)

    def dump(self, facts: dict[str, Any]) -> bytes:
        tensors = self.optimizer.tensors()
        for i, (p, m) in enumerate(zip(self.params, self.mean)):
            tensors[f"p{i}"], tensors[f"m{i}"] = p.detach(), m
            for step, weights in self.kept.items():
                tensors[f"k{step}.{i}"] = weights[i]
        tensors["losses"] = torch.tensor(self.losses)
        return dump(tensors, {**facts, "step": self.step, "halves": self.halves, "kept": list(self.kept)})

    def restore(self, data: bytes, facts: dict[str, Any]) -> bool:
        """Resumes from a checkpoint; False when it belongs to another training or is damaged."""
        try:
            tensors, saved = parse(data)
        except MLError:  # truncated or not our file: start from the beginning
            return False
        if not self._fits(tensors) or {k: saved.get(k) for k in facts} != facts:
            return False
        self._take(tensors, saved)
        return True

    def _take(self, tensors: dict[str, Any], saved: dict[str, Any]) -> None:
        self.step, self.halves = saved["step"], saved.get("halves", True)
        self.losses = [float(v) for v in tensors["losses"]]
        for i, p in enumerate(self.params):
            p.data.copy_(tensors[f"p{i}"])
            self.mean[i].copy_(tensors[f"m{i}"])
        self.optimizer.load(tensors, self.step)
        self.kept = {
            s: [tensors[f"k{s}.{i}"].clone() for i in range(len(self.params))] for s in saved["kept"]
        }

    def _fits(self, tensors: dict[str, Any]) -> bool:
        shapes = (f"p{i}" in tensors and tensors[f"p{i}"].shape == p.shape for i, p in enumerate(self.params))
        return all(shapes) and self.optimizer.names() <= set(tensors)

    def learn(self, loss: torch.Tensor, ema: float) -> None:
        """Takes one optimizer step and updates the running mean of the weights."""
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.params, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        keep = min(ema, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(self.mean, [p.detach() for p in self.params], 1 - keep)
        self.step += 1
        self.unread.append(loss.detach())

    def read_losses(self) -> None:
        """Reads losses from the device. MLError `engine_failed` when one is not finite."""
        found = torch.stack(self.unread).tolist() if self.unread else []
        if not all(map(math.isfinite, found)):
            raise MLError(
                "engine_failed",
                "The training diverged: its loss is not finite. Start it again with other photos.",
            )
        self.losses += found
        self.unread.clear()

    def release(self) -> None:
        """Drops everything that `show` does not need, so that the trained transformer can be freed."""
        self.transformer = self.optimizer = None
        self.params, self.mean = [], []

    @contextlib.contextmanager
    def showing(self, weights: list[torch.Tensor]) -> Iterator[None]:
        """Inside, the transformer that samples has these weights; afterwards its own, bit for bit."""
        before = [p.detach().clone() for p in self.shown]
        self.show(weights)
        try:
            yield
        finally:
            self.show(before)

    def show(self, weights: list[torch.Tensor]) -> None:
        """Copies these weights into the transformer that samples."""
        for p, w in zip(self.shown, weights):
            p.data.copy_(w)


def identity_of(spec: TrainSpec, base: Base, steps: int) -> dict[str, Any]:
    """The facts in which a checkpoint must agree with this training to be resumed."""
    ids = [p.id for p in spec.photos]
    return {
        "base": base.name,
        "rank": base.rank,
        "recipe": repr(base.recipe),
        "size": repr(base.sizes.train),
        "photos": ids,
        "seed": spec.seed,
        "steps": steps,
        "threads": spec.threads or torch.get_num_threads(),
        "subject": spec.subject,
    }


def stepper(
    state: TrainingState, base: Base, examples: list[Example], empty: Text, seed: int, steps: int
) -> Callable[[], None]:
    """A function that takes the next of `steps` training steps, with the recipe's variants."""
    device, family = state.params[0].device, family_of(base)
    draw = batches(examples, empty, base.recipe, steps, device)
    noise = noising(base.recipe, state.transformer)

    def step() -> None:
        g = torch.Generator().manual_seed(seed * 1_000_003 + state.step)
        batch = draw(state.step, g)

        def velocity(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            with mixed(str(device), state.halves):
                return family.velocity(state.transformer, x, t, batch.text, batch.size).float()

        at = noise(batch, velocity, g)
        loss = (at.weight * (velocity(at.x, at.t) - at.target).pow(2)).mean()
        state.learn(loss, base.recipe.ema)

    return step


def set_rate(state: TrainingState, rate: float, steps: int) -> None:
    """Learning rate: linear warm-up, constant, and linear decay in the second half."""
    share = min(1.0, (state.step + 1) / WARM_UP, 2 * (1 - state.step / steps) + LEAST_RATE)
    for group in state.optimizer.param_groups:
        group["lr"] = rate * share


def train(
    state: TrainingState,
    base: Base,
    examples: list[Example],
    empty: Text,
    spec: TrainSpec,
    steps: int,
    store: Store,
    on_progress: Progress,
    on_checkpoint: Callable[[], None] = lambda: None,
) -> float:
    """Trains to `steps` and returns the seconds. When asked to stop, saves a checkpoint, raises Stopped.
    `on_checkpoint` is called when one that may be chosen was kept and saved."""
    r, facts, name = base.recipe, identity_of(spec, base, steps), f"{spec.name}/checkpoint.safetensors"
    keep_at = [round(steps * (1 - k / (2 * r.checkpoints))) for k in range(r.checkpoints)]
    step = stepper(state, base, examples, empty, spec.seed, steps)
    start = time.monotonic()
    while state.step < steps:
        set_rate(state, r.rate, steps)
        step()
        stop = on_progress("training", state.step / steps)
        save = state.step in keep_at or stop or state.step % 100 == 0
        if save or len(state.unread) >= UNREAD:
            state.read_losses()
        if state.step in keep_at:
            state.kept[state.step] = [m.to("cpu", copy=True) for m in state.mean]
        if save:
            store.write(name, state.dump(facts))
        if stop:
            raise Stopped
        if state.step in keep_at:
            on_checkpoint()
    return time.monotonic() - start
