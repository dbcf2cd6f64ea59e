"""Counts the memory of one step without allocating it.

A transformer of one or two blocks takes a step on PyTorch's "meta" device, where tensors have sizes but no
data. `Meter` counts each tensor that is created and freed. Each further block adds the same amount."""

from __future__ import annotations

import contextlib
import json
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.checkpoint import checkpoint

from ml.nets.torchvision import ensure_torchvision

CELL = 16  # pixels of a token's side

Size = tuple[int, int]  # width, height in pixels, multiples of 16


@dataclass(frozen=True, eq=False)  # hashed by identity: caches count each object once
class Workload:
    """A FLUX.1 or FLUX.2 transformer with this config.json, and a LoRA on the linear layers that `targets`
    fully matches."""

    config: dict[str, Any]
    targets: str
    rank: int = 16
    tokens: int = 256  # length of the text's sequence
    batch: int = 1
    dtype: torch.dtype = torch.bfloat16  # of the base's weights
    extra: int = 0  # bytes of other data on the device: a training adapter, examples, another transformer


class Meter(TorchDispatchMode):
    """`peak` is the largest number of bytes alive at once, of tensors created inside the context."""

    def __init__(self, known: Iterable[torch.Tensor]):
        super().__init__()
        self.now = self.peak = 0
        self._known = [t.untyped_storage() for t in known]
        self._alive: dict[int, Any] = {s._cdata: s for s in self._known}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for t in tree_leaves(out):
            if isinstance(t, torch.Tensor):
                self._add(t.untyped_storage())
        # Convolution kernels use another order of axes: they copy their input, then their output.
        copy = max(args[0].nbytes, out.nbytes) if func is torch.ops.aten.convolution.default else 0
        self.peak = max(self.peak, self.now + copy)
        return out

    def _add(self, storage: Any) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self._alive:
            self.now += size
            self._alive[key] = weakref.ref(storage, lambda _: self._drop(key, size))

    def _drop(self, key: int, size: int) -> None:
        del self._alive[key]
        self.now -= size


class Kernels(TorchFunctionMode):
    """Emulates what the meta device lacks: autocast to bfloat16 (CUDA's computes norms in float32), and
    memory-saving kernels. Flash attention keeps q, k, v, its result and one number per row; CUDA's RMSNorm
    keeps its input and one number per row."""

    def __init__(self, autocast: bool, cuda: bool):
        half = (F.linear, F.conv2d, torch.matmul, F.scaled_dot_product_attention)
        full = (F.layer_norm, F.rms_norm, F.group_norm) if cuda else ()
        self.cast: dict[Any, torch.dtype] = {}
        if autocast:
            self.cast = dict.fromkeys(half, torch.bfloat16) | dict.fromkeys(full, torch.float32)
        self.instead: dict[Any, Callable[..., torch.Tensor]] = {F.scaled_dot_product_attention: _flash}
        if cuda:
            self.instead[F.rms_norm] = _fused

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = (args, kwargs or {})
        if func in self.cast:
            given = tree_map_only(torch.Tensor, lambda t: t.to(self.cast[func]), given)
        return self.instead.get(func, func)(*given[0], **given[1])


def _flash(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    return torch.ops.aten._scaled_dot_product_flash_attention(query, key, value)[0]


def _fused(
    x: torch.Tensor, shape: Any, weight: torch.Tensor | None = None, eps: float | None = None
) -> torch.Tensor:
    return torch.native_layer_norm(x, shape, weight, None, eps or 0.0)[0]


def without_numbers(config: dict[str, Any], dtype: torch.dtype, **other: int) -> Any:
    """A model of diffusers on the meta device."""
    ensure_torchvision()
    import diffusers

    with torch.device("meta"):
        net = getattr(diffusers, config["_class_name"]).from_config({**config, **other})
    # torch's `to`: diffusers' own `to` warns
    return torch.nn.Module.to(net, dtype).requires_grad_(False)


def _short(load: Workload, doubles: int, singles: int, dtype: torch.dtype) -> Any:
    """The transformer with the given numbers of blocks and a LoRA of `dtype`."""
    from peft import LoraConfig

    net = without_numbers(load.config, load.dtype, num_layers=doubles, num_single_layers=singles)
    with torch.device("meta"):  # on other devices the LoRA would use the global random generator
        net.add_adapter(
            LoraConfig(r=load.rank, lora_alpha=load.rank, target_modules=load.targets), adapter_name="twin"
        )
    for p in net.parameters():
        p.data = p.data.to(dtype) if p.requires_grad else p.data
    return net


def tokens_of(load: Workload, size: Size) -> int:
    return (size[0] // CELL) * (size[1] // CELL) + load.tokens


def _inputs(net: Any, load: Workload, size: Size, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    c, cells = net.config, tokens_of(load, size) - load.tokens  # load.config may lack the class's defaults
    places = len(c["axes_dims_rope"])
    shapes: dict[str, tuple[int, ...]] = {
        "hidden_states": (load.batch, cells, c["in_channels"]),
        "timestep": (load.batch,),
        "txt_ids": (load.tokens, places),
        "encoder_hidden_states": (load.batch, load.tokens, c["joint_attention_dim"]),
        "img_ids": (cells, places),
    }
    if "pooled_projection_dim" in c:
        shapes["pooled_projections"] = (load.batch, c["pooled_projection_dim"])
    if c["guidance_embeds"]:
        shapes["guidance"] = (load.batch,)
    return {name: torch.empty(shape, dtype=dtype, device="meta") for name, shape in shapes.items()}


@lru_cache(maxsize=64)
def step_bytes(load: Workload, size: Size, checkpointing: bool, cuda: bool = True) -> int:
    """Bytes of forward and backward, without weights, extrapolated linearly from one or two blocks."""
    doubles, singles = load.config["num_layers"], load.config["num_single_layers"]
    d, s = min(doubles, 1), min(singles, 1)
    count = partial(_short_step, load, size, checkpointing, cuda)
    few = count(d, s)
    more = (doubles - 1) * (count(2, s) - few) if doubles > 1 else 0
    return few + more + ((singles - 1) * (count(d, 2) - few) if singles > 1 else 0)


def _short_step(
    load: Workload, size: Size, checkpointing: bool, cuda: bool, doubles: int, singles: int
) -> int:
    net = _short(load, doubles, singles, torch.float32)
    given = _inputs(net, load, size, torch.float32)
    kernels = partial(Kernels, autocast=True, cuda=cuda)
    if checkpointing:
        again = partial(
            checkpoint, use_reentrant=False, context_fn=lambda: (contextlib.nullcontext(), kernels())
        )
        net.enable_gradient_checkpointing(again)
    with torch.enable_grad(), Meter([*net.parameters(), *net.buffers(), *given.values()]) as meter:
        with kernels():
            v = net(**given, return_dict=False)[0]
        (v.float() - given["hidden_states"]).pow(2).mean().backward()
    return meter.peak


@lru_cache(maxsize=64)
def denoising_bytes(load: Workload, size: Size) -> int:
    """Bytes of one denoising step. Without gradients the blocks reuse memory: one of each kind is enough."""
    net = _short(
        load, min(load.config["num_layers"], 1), min(load.config["num_single_layers"], 1), load.dtype
    )
    given = _inputs(net, load, size, load.dtype)
    return _without_gradients(net, lambda: net(**given, return_dict=False))


@lru_cache(maxsize=64)
def decoding_bytes(part: Path, size: Size, dtype: torch.dtype, batch: int) -> int:
    config = json.loads((part / "config.json").read_text())
    net, scale = without_numbers(config, dtype), 2 ** (len(config["block_out_channels"]) - 1)
    z = torch.empty(
        batch, config["latent_channels"], size[1] // scale, size[0] // scale, dtype=dtype, device="meta"
    )
    return _without_gradients(net, lambda: net.decode(z, return_dict=False))


def _without_gradients(net: Any, run: Callable[[], Any]) -> int:
    with (
        torch.no_grad(),
        Kernels(autocast=False, cuda=True),
        Meter([*net.parameters(), *net.buffers()]) as meter,
    ):
        run()
    return meter.peak
