"""The trainer of twins: flow matching on a LoRA, for every base the same.

x_t = (1 - t) z + t noise, target = noise - z (rectified flow), t from flux.draw_times. Everything random at a step comes
from (seed, step), and weights, optimizer and running mean are in the checkpoint: going on from one gives the same weights
as never having stopped, bit for bit on a CPU with the same number of threads.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import torch

from ml.errors import MLError, Stopped
from ml.local import lora
from ml.local.bases import Base
from ml.local.dataset import Example
from ml.local.families import Text
from ml.local.flux import draw_times, step_ahead
from ml.local.optim import OPTIMIZERS
from ml.local.precision import halves, mixed
from ml.local.weights import dump, parse
from ml.types import Progress, Store, TrainSpec

UNREAD = 16  # losses that are read at once: reading one waits for the device


def steps_for(base: Base, photos: int) -> int:
    r = base.recipe
    return max(r.steps_least, min(r.steps_most, r.steps_per_photo * photos))


@dataclass
class Run:
    """One training under way: what a checkpoint holds. `shown` are the same weights on the transformer that paints."""

    transformer: Any
    params: list[torch.nn.Parameter]
    optimizer: Any  # AdamW or AdamW8; nothing is left of it once it rests
    mean: list[torch.Tensor]
    shown: list[torch.nn.Parameter]
    halves: bool = (
        True  # multiplies in bfloat16; kept in the checkpoint, as what is faster is found by timing
    )
    step: int = 0
    losses: list[float] = field(default_factory=list)
    unread: list[torch.Tensor] = field(default_factory=list)  # losses still on the device
    kept: dict[int, list[torch.Tensor]] = field(
        default_factory=dict
    )  # step -> averaged weights, to choose from; on the host

    @classmethod
    def start(
        cls, transformer: Any, base: Base, seed: int, *, painter: Any = None, optimizer: str = "adamw"
    ) -> Run:
        """`painter` is the transformer that paints, where another one is trained; `optimizer` one of optim.OPTIMIZERS."""
        params = lora.add(transformer, base, seed)
        shown = params if painter is None else lora.add(painter, base, seed)
        steps = OPTIMIZERS[optimizer](params, base.recipe.rate)
        mean = [p.detach().clone() for p in params]
        half = base.dtype != "float32" or halves(str(params[0].device))
        return cls(transformer, params, steps, mean, shown, half)

    def dump(self, facts: dict[str, Any]) -> bytes:
        tensors = self.optimizer.tensors()
        for i, (p, m) in enumerate(zip(self.params, self.mean)):
            tensors[f"p{i}"], tensors[f"m{i}"] = p.detach(), m
            for step, weights in self.kept.items():
                tensors[f"k{step}.{i}"] = weights[i]
        tensors["losses"] = torch.tensor(self.losses)
        return dump(tensors, {**facts, "step": self.step, "halves": self.halves, "kept": list(self.kept)})

    def restore(self, data: bytes, facts: dict[str, Any]) -> bool:
        """Go on from a checkpoint; False when it belongs to another training."""
        try:
            tensors, saved = parse(data)
        except MLError:  # cut off or not ours: start from nothing
            return False
        fits = all(
            f"p{i}" in tensors and tensors[f"p{i}"].shape == p.shape for i, p in enumerate(self.params)
        )
        fits = fits and self.optimizer.names() <= set(tensors)
        if not fits or {k: saved.get(k) for k in facts} != facts:
            return False
        self.step, self.halves = saved["step"], saved.get("halves", True)
        self.losses = [float(v) for v in tensors["losses"]]
        for i, p in enumerate(self.params):
            p.data.copy_(tensors[f"p{i}"])
            self.mean[i].copy_(tensors[f"m{i}"])
        self.optimizer.load(tensors, self.step)
        self.kept = {
            s: [tensors[f"k{s}.{i}"].clone() for i in range(len(self.params))] for s in saved["kept"]
        }
        return True

    def read_losses(self) -> None:
        """MLError `engine_failed` when one is no number: nothing of this training is kept then."""
        found = torch.stack(self.unread).tolist() if self.unread else []
        if not all(map(math.isfinite, found)):
            raise MLError(
                "engine_failed",
                "The training lost its way (its loss is no number). Start it again with other photos.",
            )
        self.losses += found
        self.unread.clear()

    def rest(self) -> None:
        """Only what `wear` needs is left: the transformer that was trained may be given back."""
        self.transformer = self.optimizer = None
        self.params, self.mean = [], []

    def wear(self, weights: list[torch.Tensor]) -> None:
        """Paint with them."""
        for p, w in zip(self.shown, weights):
            p.data.copy_(w)


def identity_of(spec: TrainSpec, base: Base, steps: int) -> dict[str, Any]:
    """What a checkpoint must agree on to be gone on from."""
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


def bucket(examples: list[Example], done: float, large: float, g: torch.Generator) -> list[Example]:
    """The examples of one size: in the last `large` share of a training the largest, before any of the others."""
    sizes = sorted({e.size for e in examples})
    if len(sizes) > 1:
        sizes = sizes[-1:] if done >= 1 - large else sizes[:-1]
    size = sizes[int(torch.randint(len(sizes), (1,), generator=g))] if len(sizes) > 1 else sizes[0]
    return [e for e in examples if e.size == size]


def loss_at(
    run: Run, base: Base, examples: list[Example], empty: Text, seed: int, steps: int
) -> torch.Tensor:
    """The weighted loss of the batch that belongs to the run's step."""
    g = torch.Generator().manual_seed(seed * 1_000_003 + run.step)
    r, device = base.recipe, run.params[0].device
    examples = bucket(examples, run.step / steps, r.large, g)
    pick = torch.randint(len(examples), (r.batch,), generator=g).tolist()
    drop = (torch.rand(r.batch, generator=g) < r.dropout).tolist()
    chosen = [examples[i] for i in pick]
    keep = bool(torch.rand(1, generator=g) < r.prior) if r.prior else False
    z = torch.cat([e.latents for e in chosen]).to(device)
    weight = torch.cat([e.weight for e in chosen]).to(device)
    texts = [e.plain or empty if keep else empty if d else e.text for e, d in zip(chosen, drop)]
    text = tuple(torch.cat([part.to(device) for part in parts]) for parts in zip(*texts))
    noise = torch.randn(z.shape, generator=g).to(device)
    t = draw_times(r.batch, g, r.times).to(device)
    x = (1 - t[:, None, None]) * z + t[:, None, None] * noise

    def velocity(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        with mixed(str(device), run.halves):
            return base.family.velocity(run.transformer, x, t, text, chosen[0].size).float()

    if keep:
        with torch.no_grad(), lora.silent(run.transformer):
            target, weight = velocity(x, t), torch.ones_like(weight)
    elif r.rollout and bool(torch.rand(1, generator=g) < r.rollout):
        ahead = step_ahead(t, g)
        with torch.no_grad():
            x = x + (ahead - t)[:, None, None] * velocity(x, t)
        t, target = ahead, (x - z) / ahead[:, None, None]
    else:
        target = noise - z
    if r.low:
        weight = weight * (t / t.clamp(min=r.low)).pow(2)[:, None, None]
    return (weight * (velocity(x, t) - target).pow(2)).mean()


def step_once(run: Run, base: Base, examples: list[Example], empty: Text, seed: int, steps: int) -> None:
    """One step of `steps`, its loss and the running mean of the weights."""
    loss = loss_at(run, base, examples, empty, seed, steps)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.params, 1.0)
    run.optimizer.step()
    run.optimizer.zero_grad()
    keep = min(base.recipe.ema, (run.step + 1) / (run.step + 10))
    with torch.no_grad():
        torch._foreach_lerp_(run.mean, [p.detach() for p in run.params], 1 - keep)
    run.step += 1
    run.unread.append(loss.detach())


def train(
    run: Run,
    base: Base,
    examples: list[Example],
    empty: Text,
    spec: TrainSpec,
    steps: int,
    store: Store,
    on_progress: Progress,
) -> float:
    """Run to `steps`; the seconds it took. Raises Stopped after a valid checkpoint when asked to stop."""
    r, facts, name = base.recipe, identity_of(spec, base, steps), f"{spec.name}/checkpoint.safetensors"
    keep_at = [round(steps * (1 - k / (2 * r.checkpoints))) for k in range(r.checkpoints)]
    start = time.monotonic()
    while run.step < steps:
        rate = r.rate * min(1.0, (run.step + 1) / 20, 2 * (1 - run.step / steps) + 0.02)
        for group in run.optimizer.param_groups:
            group["lr"] = rate
        step_once(run, base, examples, empty, spec.seed, steps)
        stop = on_progress("training", run.step / steps)
        save = run.step in keep_at or stop or run.step % 100 == 0
        if save or len(run.unread) >= UNREAD:
            run.read_losses()
        if run.step in keep_at:
            run.kept[run.step] = [m.to("cpu", copy=True) for m in run.mean]
        if save:
            store.write(name, run.dump(facts))
        if stop:
            raise Stopped
    return time.monotonic() - start
