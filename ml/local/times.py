"""Times t of flow matching, 0 (picture) .. 1 (noise): draws training times, and steps ahead as sampling
does."""

from __future__ import annotations

import torch

STRIDE = 1 / 6  # about the length of one sampling step


def step_ahead(t: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    """(B,) times -> times after one sampling step of random length: 0.5 to 1.5 STRIDE nearer to the picture,
    at most half way.

    Rollouts start there. They train on the model's own partial results, which noised pictures do not show.
    """
    return (t - STRIDE * (0.5 + torch.rand(len(t), generator=g).to(t.device))).maximum(t / 2)


def draw_times(count: int, g: torch.Generator, kind: str = "mixed") -> torch.Tensor:
    """(count,) times to train at (timestep sampling). `kind`:

    uniform: uniform over 0..1.
    sigmoid: sigmoid(N(0, 1)).
    shifted: the same, t -> 3t / (1 + 2t), towards noise.
    mixed: two thirds sigmoid(N(0.2, 1)), a quarter uniform, one in twelve exactly 1. Sampling starts at 1.
        A sigmoid alone draws times near 1 less than once in a thousand: too few for a small model.
    high: half exactly 1, a quarter uniform above 0.75, the rest uniform and shifted as above. The model
        decides at these times which parts of the prompt the picture shows."""
    normal = torch.randn(count, generator=g)
    choice = torch.rand(count, generator=g)
    flat = torch.rand(count, generator=g)
    if kind == "uniform":
        return flat
    if kind == "high":
        above = torch.where(choice < 3 / 4, 1 - flat / 4, 3 * flat / (1 + 2 * flat))
        return torch.where(choice < 1 / 2, torch.ones(count), above)
    if kind in ("sigmoid", "shifted"):
        t = torch.sigmoid(normal)
        return 3 * t / (1 + 2 * t) if kind == "shifted" else t
    below = torch.where(choice < 1 / 3, flat, torch.sigmoid(normal + 0.2))
    return torch.where(choice < 1 / 12, torch.ones(count), below)
