"""Muon: orthogonal steps for hidden matrices (https://kellerjordan.github.io/posts/muon).

As torch.optim.Muon with `match_rms_adamw`, which always orthogonalises in bfloat16. A CPU without bfloat16
units emulates it: there a step of the nano base took three times as long. This one uses the faster type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch

from ml.local.precision import halves

A, B, C = 3.4445, -4.7750, 2.0315  # of the Newton-Schulz iteration
ROUNDS, EPS, MOMENTUM = 5, 1e-7, 0.95


class Muon(torch.optim.Optimizer):
    """`params` are matrices. The rates are those of AdamW."""

    def __init__(self, params: Iterable[torch.Tensor], *, lr: float, weight_decay: float):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._move(p, p.grad, group["lr"], group["weight_decay"])

    def _move(self, p: torch.Tensor, grad: torch.Tensor, rate: float, decay: float) -> None:
        mean = self.state[p].setdefault("momentum_buffer", torch.zeros_like(grad))
        mean.lerp_(grad, 1 - MOMENTUM)
        ahead = grad.lerp(mean, MOMENTUM)  # Nesterov's
        p.mul_(1 - rate * decay)
        p.add_(orthogonal(ahead), alpha=-rate * 0.2 * math.sqrt(max(p.shape)))


def orthogonal(x: torch.Tensor) -> torch.Tensor:
    """The matrix with all its singular values near 1 (0.7 to 1.2), by Newton-Schulz."""
    tall = x.shape[0] > x.shape[1]
    y = (x.T if tall else x).to(torch.bfloat16 if halves(x.device.type) else torch.float32)
    y = y / y.norm().clamp(min=EPS)
    for _ in range(ROUNDS):
        gram = y @ y.T
        y = torch.addmm(y, torch.addmm(gram, gram, gram, beta=B, alpha=C), y, beta=A)
    return (y.T if tall else y).to(x)
