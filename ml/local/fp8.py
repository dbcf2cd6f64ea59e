"""Linear layers with weights in 8 bits: a base in half the memory, and products on
hardware units for 8 bits.

M rows (tokens), K features in, N out. Values are float8 e4m3 (3 bits of mantissa, largest 448;
arXiv:2209.05433), each row of a matrix with one scale. Scales are powers of two: dividing by one is exact
in any type, and so is a weight in bfloat16."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import linear

LARGEST = 448.0  # of e4m3
LEAST = -24  # smallest exponent of a scale, that of a row of zeros: 2 ** -24 is float16's smallest number
# Rows. A product of so few is of the time, not of tokens, and steers whole
# blocks: its rounding error is multiplied as well.
FEW = 16


def has_units(device: torch.device | str) -> bool:
    """Whether products of 8 bits run in hardware there: NVIDIA's from Ada and Hopper on (AMD's e4m3 is
    another one)."""
    device = torch.device(device)
    return (
        device.type == "cuda"
        and torch.version.hip is None
        and torch.cuda.get_device_capability(device) >= (8, 9)
    )


def to_rows(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(M, K) -> values (M, K) in 8 bits and scales (M, 1) float32; values * scales is within 1/16 of each
    number, or within 2 ** -10 of the row's scale of what is tiny in its row."""
    exponent = (x.abs().amax(-1, keepdim=True).float() / LARGEST).log2().ceil().clamp(min=LEAST)
    scale = exponent.exp2()
    return (x / scale.to(x.dtype)).to(torch.float8_e4m3fn), scale


def from_rows(values: torch.Tensor, scale: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The inverse of `to_rows` but for its rounding: (M, K)."""
    return values.to(dtype).mul_(scale.to(dtype))


class _Widened(torch.autograd.Function):
    """x (..., K) times the weight (N, K) widened to x's type. The wide weight is freed after the product and
    made again for the gradient of x: kept for the backward pass, those of all layers would be the whole base.
    (Compiled, they are kept nevertheless, unless gradients are checkpointed.)"""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        ctx.save_for_backward(weight, scale)
        return linear(x, from_rows(weight, scale, x.dtype), None if bias is None else bias.to(x.dtype))

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:  # type: ignore[override]
        weight, scale = ctx.saved_tensors
        return grad @ from_rows(weight, scale, grad.dtype), None, None, None


class Float8Linear(torch.nn.Linear):
    """A frozen linear layer: `weight` (N, K) float8, `scale` (N, 1) float32, `bias` (N,) or None as it was.

    Without gradients, on a device with units, tokens are rounded to 8 bits too. Everywhere else, and in
    training, the weight is widened for each product: exact, and slower than the layer it was made from."""

    scale: torch.Tensor
    compute_dtype: torch.dtype  # the type peft gives a LoRA; without it that of `weight`
    units: bool

    @classmethod
    @torch.no_grad()
    def from_linear(cls, layer: torch.nn.Linear) -> Float8Linear:
        new = cls(layer.in_features, layer.out_features, bias=False, device="meta")
        values, scale = to_rows(layer.weight)
        new.weight = torch.nn.Parameter(values, requires_grad=False)
        new.register_buffer("scale", scale)
        if layer.bias is not None:
            new.bias = torch.nn.Parameter(layer.bias.detach(), requires_grad=False)
        new.compute_dtype = layer.weight.dtype
        new._look_for_units()
        return new

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., K) -> (..., N), of the type of x, or of autocast's where that is on."""
        if torch.is_autocast_enabled(x.device.type):  # autocast knows neither of the two products below
            x = x.to(torch.get_autocast_dtype(x.device.type))
        if self.units and not torch.is_grad_enabled():
            return self._in_units(x)
        return _Widened.apply(x, self.weight, self.scale, self.bias)

    def _in_units(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.reshape(-1, self.in_features)
        values, scale = to_rows(rows)
        y = self._product(values, scale, None if self.bias is None else self.bias.to(torch.bfloat16))
        if len(rows) <= FEW:
            y = y + self._product(*to_rows(rows - from_rows(values, scale, rows.dtype)), None)
        return y.view(*x.shape[:-1], self.out_features).to(x.dtype)

    def _product(self, values: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """(M, K) in 8 bits -> (M, N) bfloat16. The units want the first matrix by rows, the second by
        columns."""
        return torch._scaled_mm(
            values.contiguous(),
            self.weight.t(),
            scale,
            self.scale.t(),
            bias,
            out_dtype=torch.bfloat16,
            use_fast_accum=True,
        )

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Float8Linear:
        """Moves to a device with its model, but keeps its type: `.to(dtype)` changes the other layers
        only."""

        def move(t: torch.Tensor) -> torch.Tensor:
            if t is self.weight or t is self.scale:
                return fn(t.view(torch.uint8)).view(t.dtype)
            return fn(t)

        super()._apply(move, recurse)
        self._look_for_units()
        return self

    def _look_for_units(self) -> None:
        fits = self.in_features % 16 == 0 and self.out_features % 16 == 0  # what the units' product asks for
        self.units = fits and has_units(self.weight.device)


def quantise(transformer: Any, device: torch.device | str) -> None:
    """Quantises the linear layers of a FLUX transformer's blocks, one after the other, and moves it to
    `device`: the full weights are never there together. Embedders, `norm_out` and `proj_out` stay as they
    are.

    ValueError while a LoRA is loaded: its layers are linear ones too.
    """
    if getattr(transformer, "peft_config", None):
        raise ValueError("A transformer is quantised before a LoRA is loaded.")
    for blocks in (transformer.transformer_blocks, transformer.single_transformer_blocks):
        for parent in list(blocks.modules()):
            for name, layer in parent.named_children():
                if type(layer) is torch.nn.Linear:
                    setattr(parent, name, Float8Linear.from_linear(layer.to(device)))
    transformer.to(device)
