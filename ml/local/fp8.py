"""Linear layers with weights in 8 bits: they halve a base's memory and can use the hardware's units for
8-bit products.

M rows (tokens), K features in, N out. Values are float8 e4m3 (3 bits of mantissa, largest 448;
arXiv:2209.05433). Each row of a matrix has one scale. Scales are powers of two, so that division by a scale
is exact in any type, and widened weights are exact in bfloat16."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import linear

LARGEST = 448.0  # of e4m3
LEAST = -24  # least exponent of a scale, used for a row of zeros: 2 ** -24 is float16's smallest number
# Rows. Inputs with so few rows are not tokens but the time embedding, which modulates whole blocks. The
# rounding error of such inputs is quantised and multiplied too.
FEW = 16


def has_units(device: torch.device | str) -> bool:
    """Whether the device multiplies 8-bit values in hardware: NVIDIA from Ada and Hopper on (AMD's e4m3 is a
    different format)."""
    device = torch.device(device)
    return (
        device.type == "cuda"
        and torch.version.hip is None
        and torch.cuda.get_device_capability(device) >= (8, 9)
    )


def to_rows(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(M, K) -> values (M, K) in 8 bits and scales (M, 1) float32. The relative error of values * scales is
    at most 1/16; for numbers tiny in their row, the error is at most 2 ** -10 of the row's scale."""
    exponent = (x.abs().amax(-1, keepdim=True).float() / LARGEST).log2().ceil().clamp(min=LEAST)
    scale = exponent.exp2()
    return (x / scale.to(x.dtype)).to(torch.float8_e4m3fn), scale


def from_rows(values: torch.Tensor, scale: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The inverse of `to_rows`, except for rounding: (M, K)."""
    return values.to(dtype).mul_(scale.to(dtype))


class _Widened(torch.autograd.Function):
    """x (..., K) times the weight (N, K) widened to x's type. The wide weight is freed after the product and
    widened again for the gradient of x: the kept wide weights of all layers would be as large as the base.
    (Compiled code keeps them nevertheless, unless gradients are checkpointed.)"""

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
    """A frozen linear layer: `weight` (N, K) float8, `scale` (N, 1) float32, `bias` (N,) or None, unchanged.

    Without gradients, on a device with 8-bit units, the inputs are rounded to 8 bits too. Otherwise, and in
    training, the weight is widened for each product: exact, but slower than the original layer."""

    scale: torch.Tensor
    compute_dtype: torch.dtype  # peft gives a LoRA this type, and would otherwise take that of `weight`
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
        """(..., K) -> (..., N), of x's type, or of autocast's type if that is on."""
        if torch.is_autocast_enabled(x.device.type):  # autocast does not cast the two products below
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
        """(M, K) in 8 bits -> (M, N) bfloat16. The kernel needs the first matrix row-major, the second
        column-major."""
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
        """Moves to a device with its model, but keeps its type: `.to(dtype)` only changes other
        layers."""

        def move(t: torch.Tensor) -> torch.Tensor:
            if t is self.weight or t is self.scale:
                return fn(t.view(torch.uint8)).view(t.dtype)
            return fn(t)

        super()._apply(move, recurse)
        self._look_for_units()
        return self

    def _look_for_units(self) -> None:
        fits = self.in_features % 16 == 0 and self.out_features % 16 == 0  # required by torch._scaled_mm
        self.units = fits and has_units(self.weight.device)


def quantise(transformer: Any, device: torch.device | str) -> None:
    """Quantises the linear layers of a FLUX transformer's blocks and moves it to `device`, one layer after
    the other, so that the device never holds all full weights. Embedders, `norm_out` and `proj_out` are
    unchanged.

    ValueError while a LoRA is loaded, because its layers are linear too.
    """
    if getattr(transformer, "peft_config", None):
        raise ValueError("A transformer is quantised before a LoRA is loaded.")
    for blocks in (transformer.transformer_blocks, transformer.single_transformer_blocks):
        for parent in list(blocks.modules()):
            for name, layer in parent.named_children():
                if type(layer) is torch.nn.Linear:
                    setattr(parent, name, Float8Linear.from_linear(layer.to(device)))
    transformer.to(device)
