"""The inputs and targets of a training step. The recipe chooses the variants before the loop starts:
caption dropout, prior preservation, rollout, and the weight of low times.

B batch, n tokens, C channels: x, noise and target are (B, n, C), weight is (B, n, 1), t is (B,) in 0
(picture) .. 1 (noise)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from ml.catalogue import Recipe
from ml.local import lora
from ml.local.dataset import Example
from ml.local.families import Text
from ml.local.times import draw_times, step_ahead

Velocity = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # x (B, n, C), t (B,) -> (B, n, C)


@dataclass(frozen=True)
class Batch:
    """The examples of one step. `z` are their clean latents (B, n, C), `size` is (width, height) in pixels.
    In a `prior` step the text lacks the trigger, and the target is the model's answer without the LoRA."""

    z: torch.Tensor
    weight: torch.Tensor
    text: Text
    size: tuple[int, int]
    prior: bool = False


@dataclass(frozen=True)
class Noised:
    """A noised input `x` at time `t`, the target velocity and the loss weight."""

    x: torch.Tensor
    t: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor


Draw = Callable[[int, torch.Generator], Batch]  # the batch of a step
Noise = Callable[[Batch, Velocity, torch.Generator], Noised]


# ---------------------------------------------------------------- batches


def same_size(examples: list[Example], done: float, large: float, g: torch.Generator) -> list[Example]:
    """The examples of one size: the largest size in the last `large` share of a training, before that a
    random other size."""
    sizes = sorted({e.size for e in examples})
    if len(sizes) > 1:
        sizes = sizes[-1:] if done >= 1 - large else sizes[:-1]
    size = sizes[int(torch.randint(len(sizes), (1,), generator=g))] if len(sizes) > 1 else sizes[0]
    return [e for e in examples if e.size == size]


def batches(examples: list[Example], empty: Text, recipe: Recipe, steps: int, device: Any) -> Draw:
    """A function that draws the batch of a step out of `steps`. `empty` encodes "", for caption dropout."""
    prior = _coin(recipe.prior) if recipe.prior else _never

    def draw(step: int, g: torch.Generator) -> Batch:
        some = same_size(examples, step / steps, recipe.large, g)
        chosen = [some[i] for i in torch.randint(len(some), (recipe.batch,), generator=g).tolist()]
        dropped = (torch.rand(recipe.batch, generator=g) < recipe.dropout).tolist()
        keeps = prior(g)
        texts = [_caption(e, empty, drop, keeps) for e, drop in zip(chosen, dropped)]
        z = torch.cat([e.latents for e in chosen]).to(device)
        weight = torch.cat([e.weight for e in chosen]).to(device)
        text = tuple(torch.cat([part.to(device) for part in parts]) for parts in zip(*texts))
        return Batch(z, weight, text, chosen[0].size, keeps)

    return draw


def _caption(example: Example, empty: Text, dropped: bool, prior: bool) -> Text:
    if prior:
        return example.plain or empty
    return empty if dropped else example.text


def _never(g: torch.Generator) -> bool:
    return False


def _coin(share: float) -> Callable[[torch.Generator], bool]:
    return lambda g: bool(torch.rand(1, generator=g) < share)


# ---------------------------------------------------------------- noise and targets


def noising(recipe: Recipe, transformer: Any) -> Noise:
    """A recipe's function that turns a batch into noised inputs and targets."""
    noise = _from_noise(recipe.times)
    if recipe.rollout:
        noise = _with_rollout(noise, _coin(recipe.rollout))
    if recipe.prior:
        noise = _with_prior(_from_noise(recipe.times), noise, transformer)
    return _with_low(noise, recipe.low) if recipe.low else noise


def _from_noise(times: str) -> Noise:
    """Rectified flow: x_t = (1 - t) z + t noise, target = noise - z."""

    def noise(batch: Batch, velocity: Velocity, g: torch.Generator) -> Noised:
        e = torch.randn(batch.z.shape, generator=g).to(batch.z.device)
        t = draw_times(len(batch.z), g, times).to(batch.z.device)
        x = (1 - t[:, None, None]) * batch.z + t[:, None, None] * e
        return Noised(x, t, e - batch.z, batch.weight)

    return noise


def _with_rollout(plain: Noise, chance: Callable[[torch.Generator], bool]) -> Noise:
    """Some steps start after one sampling step of the model itself; their target leads from there to the
    picture."""

    def noise(batch: Batch, velocity: Velocity, g: torch.Generator) -> Noised:
        at = plain(batch, velocity, g)
        if not chance(g):
            return at
        ahead = step_ahead(at.t, g)
        with torch.no_grad():
            x = at.x + (ahead - at.t)[:, None, None] * velocity(at.x, at.t)
        return replace(at, x=x, t=ahead, target=(x - batch.z) / ahead[:, None, None])

    return noise


def _with_prior(plain: Noise, other: Noise, transformer: Any) -> Noise:
    """For prior preservation, the target is the model's answer without its LoRA."""

    def noise(batch: Batch, velocity: Velocity, g: torch.Generator) -> Noised:
        if not batch.prior:
            return other(batch, velocity, g)
        at = plain(batch, velocity, g)
        with torch.no_grad(), lora.silent(transformer):
            target = velocity(at.x, at.t)
        return replace(at, target=target, weight=torch.ones_like(at.weight))

    return noise


def _with_low(other: Noise, low: float) -> Noise:
    """Below t = `low` the loss is the error of the predicted picture, which is t times the velocity's."""

    def noise(batch: Batch, velocity: Velocity, g: torch.Generator) -> Noised:
        at = other(batch, velocity, g)
        return replace(at, weight=at.weight * (at.t / at.t.clamp(min=low)).pow(2)[:, None, None])

    return noise
