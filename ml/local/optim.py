"""The two optimizers for training: AdamW, and AdamW with its two averages in 8 bits to save
memory.

Both are AdamW (Loshchilov and Hutter 2019) and export their state as tensors for a checkpoint. AdamW8
quantises the averages block by block (Dettmers et al. 2022). We do not use torchao or bitsandbytes: once
installed, peft and diffusers import them at the start of every process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

BETAS, EPS, DECAY = (0.9, 0.99), 1e-8, 0.01
BLOCK = 256  # values per scale
CHUNK = 2**22  # values processed at once: their float32 copies take less than 100 MB

State = dict[str, torch.Tensor]


class AdamW(torch.optim.AdamW):
    """8 bytes of state per parameter; one kernel updates all parameters."""

    def __init__(self, params: list[torch.nn.Parameter], rate: float):
        super().__init__(params, lr=rate, betas=BETAS, eps=EPS, weight_decay=DECAY, fused=True)

    def tensors(self) -> State:
        out = {}
        for i, p in enumerate(self.param_groups[0]["params"]):
            out[f"a{i}"], out[f"b{i}"] = self.state[p]["exp_avg"], self.state[p]["exp_avg_sq"]
        return out

    def names(self) -> set[str]:
        return {f"{k}{i}" for k in "ab" for i in range(len(self.param_groups[0]["params"]))}

    def load(self, tensors: State, step: int) -> None:
        for i, p in enumerate(self.param_groups[0]["params"]):
            first, second = tensors[f"a{i}"].to(p.device, copy=True), tensors[f"b{i}"].to(p.device, copy=True)
            steps = torch.tensor(float(step), device=p.device)
            self.state[p] = {"step": steps, "exp_avg": first, "exp_avg_sq": second}


class AdamW8(torch.optim.Optimizer):
    """2 bytes of state per parameter. Parameters and gradients become views of two long tensors, so that a
    step needs a few kernels, not thousands; zero_grad must not set gradients to None.

    The first average is stored as sign and square root, the second as fourth root, relative to its block's
    largest value: small values keep their precision. Rounding is stochastic, seeded by the step: with
    rounding to nearest, a second average that changes by 1 % a step would never move between codes 1.6 %
    apart."""

    def __init__(self, params: list[torch.nn.Parameter], rate: float):
        super().__init__(params, {"lr": rate})
        self.steps = 0
        total = sum(p.numel() for p in params)
        self.weights = params[0].new_zeros(-(-total // BLOCK) * BLOCK)
        self.grads = torch.zeros_like(self.weights)
        at = 0
        for p in params:
            here = slice(at, at + p.numel())
            self.weights[here] = p.detach().flatten()
            p.data, p.grad = self.weights[here].view_as(p), self.grads[here].view_as(p)
            at += p.numel()
        blocks = len(self.weights) // BLOCK
        self.codes = [torch.zeros_like(self.weights, dtype=kind) for kind in (torch.int8, torch.uint8)]
        self.scales = [self.weights.new_zeros(blocks) for _ in range(2)]

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.steps += 1
        rate = self.param_groups[0]["lr"]
        g = torch.Generator(self.weights.device).manual_seed(self.steps)
        for here, blocks in self._chunks():
            weights, grads = self.weights[here], self.grads[here].view(-1, BLOCK)
            first, second = (self._read(k, here, blocks) for k in range(2))
            first.lerp_(grads, 1 - BETAS[0])
            second.mul_(BETAS[1]).addcmul_(grads, grads, value=1 - BETAS[1])
            below = (second / (1 - BETAS[1] ** self.steps)).sqrt_().add_(EPS)
            weights.mul_(1 - rate * DECAY)
            weights.view(-1, BLOCK).addcdiv_(first, below, value=-rate / (1 - BETAS[0] ** self.steps))
            self._write(0, here, blocks, first, g)
            self._write(1, here, blocks, second, g)

    def zero_grad(self, set_to_none: bool = False) -> None:
        self.grads.zero_()

    def tensors(self) -> State:
        return {
            f"o{k}{what}": have[k] for k in range(2) for what, have in (("c", self.codes), ("s", self.scales))
        }

    def names(self) -> set[str]:
        return set(self.tensors())

    def load(self, tensors: State, step: int) -> None:
        self.steps = step
        for name, mine in self.tensors().items():
            mine.copy_(tensors[name])

    def _chunks(self) -> Iterator[tuple[slice, slice]]:
        for at in range(0, len(self.weights), CHUNK):
            end = min(at + CHUNK, len(self.weights))
            yield slice(at, end), slice(at // BLOCK, end // BLOCK)

    def _read(self, k: int, here: slice, blocks: slice) -> torch.Tensor:
        """(blocks, BLOCK) values of the first average (k 0) or the second."""
        share = self.codes[k][here].view(-1, BLOCK).to(self.weights.dtype)
        share = (share / 127) * (share / 127).abs() if k == 0 else (share / 255) ** 4
        return share * self.scales[k][blocks, None]

    def _write(self, k: int, here: slice, blocks: slice, values: torch.Tensor, g: torch.Generator) -> None:
        scale = values.abs().amax(1)
        self.scales[k][blocks] = scale
        share = values / scale.clamp_min(torch.finfo(values.dtype).tiny)[:, None]
        share = share.sign() * share.abs().sqrt() * 127 if k == 0 else share.sqrt().sqrt() * 255
        chance = torch.rand(share.shape, generator=g, device=share.device)
        # A second average above 0 keeps at least the lowest code: rounded to 0, it would divide by zero.
        share = (
            (share + chance).floor_() if k == 0 else (share + chance).floor_().clamp_(min=1).mul_(values > 0)
        )
        self.codes[k][here] = (
            share.clamp_(-127 if k == 0 else 0, 127 if k == 0 else 255).flatten().to(self.codes[k].dtype)
        )


OPTIMIZERS: dict[str, type[AdamW] | type[AdamW8]] = {"adamw": AdamW, "adamw-8bit": AdamW8}
