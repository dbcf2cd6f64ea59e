"""How much memory a training or a rendering takes at its worst moment, known before anything is loaded.

Nothing is allocated: a transformer of one or two blocks takes a step on PyTorch's "meta" device, where tensors have sizes
and no numbers, and each tensor that comes and goes is counted. Every further block adds the same again. What that leaves
out - workspaces of matrix products, the allocator's rounding and gaps - is what `MARGIN` and `FIXED` are for. All numbers
are bytes; the GB in sentences are 1e9 of them.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.checkpoint import checkpoint

from ml.errors import MLError
from ml.nets.torchvision import ensure_torchvision

MARGIN = 1.06  # times what is counted,
FIXED = 500_000_000  # and on top: CUDA's libraries load their kernels when they are first used
TRIFLE = 0.1  # under this share of the free memory an upper bound will do
CELL = 16  # pixels of the side of what is one token
BLOCKS = r"(single_)?transformer_blocks\.\d+\."

Size = tuple[int, int]  # width, height in pixels, multiples of 16


@dataclass(frozen=True, eq=False)  # one object is one key: what was counted for it is not counted again
class Job:
    """A FLUX.1 or FLUX.2 transformer, as its config.json says, and a LoRA on the linear layers that `targets` matches in full."""

    config: dict[str, Any]
    targets: str
    rank: int = 16
    tokens: int = 256  # length of the text's sequence
    batch: int = 1
    dtype: torch.dtype = torch.bfloat16  # of the base's weights
    extra: int = 0  # bytes of what else lies on the device: a training adapter, examples, another transformer


@dataclass(frozen=True)
class Savings:
    """What a training does to need less."""

    checkpointing: bool = False
    base_in_8_bits: bool = False
    adamw_in_8_bits: bool = False


# From fastest to smallest. Checkpointing takes a third more time and changes no number, so it goes first. A base in 8 bits
# is slower still (with it each weight is widened three times a step) and rounded; AdamW in 8 bits saves least and rounds
# what is learnt. Only then is the largest size given up: with it go details that no setting brings back.
LADDER = (Savings(), Savings(True), Savings(True, True), Savings(True, True, True))

# The transformer first: where the device multiplies in 8 bits that costs no time. Encoders on the host cost seconds a text.
RUNGS = ((False, False), (True, False), (True, True))


@dataclass(frozen=True)
class TrainingPlan:
    savings: Savings
    sizes: tuple[Size, ...]  # smallest first
    needed: int  # an upper bound where `bound`
    free: int
    bound: bool = False

    def says(self) -> str:
        s = self.savings
        how = ["with checkpointing" if s.checkpointing else "no checkpointing"]
        how += ["base in 8 bits"] * s.base_in_8_bits + ["AdamW in 8 bits"] * s.adamw_in_8_bits
        needed = f"{'under ' * self.bound}{_gb(self.needed)}"
        return f"fits: {needed} of {_gb(self.free)} GB at {_px(self.sizes[-1])}, {', '.join(how)}"


@dataclass(frozen=True)
class ServingPlan:
    transformer_in_8_bits: bool
    text_on_host: bool  # the text encoders stay in the computer's own memory
    size: Size
    needed: int
    free: int

    def says(self) -> str:
        how = ["transformer in 8 bits"] * self.transformer_in_8_bits + [
            "text encoders on the host"
        ] * self.text_on_host
        said = ", ".join(how) or "all as it is"
        return f"fits: {_gb(self.needed)} of {_gb(self.free)} GB at {_px(self.size)}, {said}"


def plan_training(
    free: int, job: Job, sizes: Iterable[Size], ladder: Sequence[Savings] = LADDER
) -> TrainingPlan:
    """The first step of the ladder that fits at all sizes (one of each bucket), or else without the largest ones. Text
    encoders and VAE are off the device meanwhile. MLError `does_not_fit`."""
    parts, kept = _parts(job), sorted(set(sizes), key=lambda s: s[0] * s[1])
    least = kept[0]
    bound = _sum(
        job, parts, parts.weights + job.batch * _tokens(job, kept[-1]) * parts.kept_a_token, ladder[0]
    )
    if bound <= TRIFLE * free:
        return TrainingPlan(ladder[0], tuple(kept), bound, free, bound=True)
    while kept:
        for savings in ladder:
            needed = _sum(job, parts, 0, savings)
            if _fits(needed, free):
                needed = training_peak(job, kept[-1], savings)
            if _fits(needed, free):
                return TrainingPlan(savings, tuple(kept), needed, free)
        kept.pop()
    raise _too_much("Training on", training_peak(job, least, ladder[-1]), free, least)


def plan_serving(free: int, folder: Path, job: Job, size: Size, texts: int) -> ServingPlan:
    """What of a base in `folder` (diffusers' layout) is on the device to render up to `size` while `texts` encodings are
    kept. MLError `does_not_fit`; no weight is read for that, only the headers of their files."""
    for rung in RUNGS:
        needed = _weights(folder, job, *rung)
        if _fits(needed, free):
            needed = serving_peak(folder, job, size, texts, *rung)
        if _fits(needed, free):
            return ServingPlan(*rung, size, needed, free)
    raise _too_much("Rendering with", serving_peak(folder, job, size, texts, *RUNGS[-1]), free, size)


def training_peak(job: Job, size: Size, savings: Savings = LADDER[0], *, cuda: bool = True) -> int:
    """Of one step: forward, backward, AdamW. `cuda`: with its kernels and its autocast, or else a processor's."""
    return _sum(job, _parts(job), _step(job, size, savings.checkpointing, cuda), savings)


def serving_peak(
    folder: Path,
    job: Job,
    size: Size,
    texts: int,
    transformer_in_8_bits: bool = False,
    text_on_host: bool = False,
) -> int:
    """All weights, one LoRA worn, the kept texts, and the larger of a denoising step and the decoding of its picture."""
    parts, wide = _parts(job), job.dtype.itemsize
    held = (parts.trained + texts * job.tokens * job.config["joint_attention_dim"]) * wide
    work = max(
        _denoise(job, size) + parts.widest * transformer_in_8_bits,
        _decode(folder / "vae", size, job.dtype, job.batch),
    )
    return job.extra + _weights(folder, job, transformer_in_8_bits, text_on_host) + held + work


def free_bytes(device: str, root: Path = Path("/")) -> int:
    """What can still be taken of the accelerator's memory, or of the computer's within this container's limit."""
    if torch.device(device).type == "cuda":
        return torch.cuda.mem_get_info(device)[0]

    def number(file: str, name: str) -> int:
        return int(re.findall(rf"^{name}\s*(\d+)", (root / file).read_text(), re.MULTILINE)[0])

    free, group = number("proc/meminfo", "MemAvailable:") * 1024, "sys/fs/cgroup/memory"
    with contextlib.suppress(OSError, IndexError):  # no such group, or a limit of "max"
        cached = number(
            f"{group}.stat", "inactive_file"
        )  # of files read, such as weights: given back when asked for
        free = min(free, number(f"{group}.max", "") - number(f"{group}.current", "") + cached)
    return free


def _fits(needed: int, free: int) -> bool:
    return needed * MARGIN + FIXED <= free


def _too_much(what: str, needed: int, free: int, size: Size) -> MLError:
    return MLError(
        "does_not_fit",
        f"{what} this base needs {_gb(needed * MARGIN + FIXED)} GB at {_px(size)} and {_gb(free)} GB are free: "
        "choose a smaller base or a larger accelerator, or close other programs on this one.",
    )


def _gb(count: float) -> str:
    return f"{count / 1e9:.1f}"


def _px(size: Size) -> str:
    return f"{size[0]} px" if size[0] == size[1] else f"{size[0]} x {size[1]} px"


# ------------------------------------------------------------ what lies there all the time


class _Parts(NamedTuple):
    weights: int
    weights_in_8_bits: int
    trained: int  # numbers, not bytes
    widest: int  # bytes of the largest layer of the blocks: what is in 8 bits is widened one at a time
    kept_a_token: int  # more than a step keeps for each token, by a factor of three or more


@lru_cache(maxsize=64)
def _parts(job: Job) -> _Parts:
    net, wide = _made(job.config, job.dtype), job.dtype.itemsize
    named = [(name, tuple(p.shape)) for name, p in net.named_parameters()]
    layers = {
        n: m.in_features + m.out_features for n, m in net.named_modules() if isinstance(m, torch.nn.Linear)
    }
    return _Parts(
        weights=sum(_held(name, shape, wide, False) for name, shape in named),
        weights_in_8_bits=sum(_held(name, shape, wide, True) for name, shape in named),
        trained=job.rank * sum(k for name, k in layers.items() if re.fullmatch(job.targets, name)),
        widest=max((math.prod(shape) * wide for name, shape in named if re.match(BLOCKS, name)), default=0),
        kept_a_token=8 * sum(layers.values()),
    )


def _held(name: str, shape: tuple[int, ...], wide: int, in_8_bits: bool) -> int:
    """Of one weight. In 8 bits (see ml.local.fp8) the blocks' linear layers take a byte a number and a float32 a row."""
    if in_8_bits and len(shape) == 2 and re.match(BLOCKS, name):
        return math.prod(shape) + 4 * shape[0]
    return math.prod(shape) * wide


def _sum(job: Job, parts: _Parts, step: int, savings: Savings) -> int:
    base = parts.weights_in_8_bits if savings.base_in_8_bits else parts.weights
    held = (
        4 + 4 + (2 if savings.adamw_in_8_bits else 8)
    )  # a trained number, its running mean, its two moments
    update = (4 + 4) * parts.trained  # AdamW holds the gradients, and one thing more of their size
    return job.extra + base + held * parts.trained + max(step + parts.widest * savings.base_in_8_bits, update)


def _weights(folder: Path, job: Job, transformer_in_8_bits: bool, text_on_host: bool) -> int:
    parts = [
        p for p in folder.iterdir() if p.is_dir() and not (text_on_host and p.name.startswith("text_encoder"))
    ]
    return sum(
        _held(name, shape, job.dtype.itemsize, transformer_in_8_bits and part.name == "transformer")
        for part in parts
        for name, shape in _headers(part)
    )


def _headers(part: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes in a part's safetensors files, those its index names where it has one; see whole.damage for the format."""
    indexes = [json.loads(file.read_text())["weight_map"] for file in part.glob("*.safetensors.index.json")]
    for file in {part / name for index in indexes for name in index.values()} or part.glob("*.safetensors"):
        with file.open("rb") as f:
            header = json.loads(f.read(int.from_bytes(f.read(8), "little")))
        yield from ((name, tuple(entry["shape"])) for name, entry in header.items() if name != "__metadata__")


# ------------------------------------------------------------ what comes and goes


class _Meter(TorchDispatchMode):
    """Inside, `peak` is the most that was alive together of what was made inside."""

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
        # A convolution's kernels want the axes in another order: they copy what comes, then what goes.
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


class _Kernels(TorchFunctionMode):
    """What the meta device lacks: autocast to bfloat16 (CUDA's takes norms in float32), and kernels that keep little.
    Flash attention keeps q, k, v, its result and a number a row, CUDA's RMSNorm its input and a number a row."""

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


def _made(config: dict[str, Any], dtype: torch.dtype, **other: int) -> Any:
    """A model of diffusers without numbers."""
    ensure_torchvision()
    import diffusers

    with torch.device("meta"):
        net = getattr(diffusers, config["_class_name"]).from_config({**config, **other})
    # diffusers' own `to` warns of what does not matter here
    return torch.nn.Module.to(net, dtype).requires_grad_(False)


def _short(job: Job, doubles: int, singles: int, dtype: torch.dtype) -> Any:
    """The transformer with other numbers of blocks, a LoRA of `dtype` on."""
    from peft import LoraConfig

    net = _made(job.config, job.dtype, num_layers=doubles, num_single_layers=singles)
    with torch.device("meta"):  # anywhere else it would draw random numbers, which are the training's
        net.add_adapter(
            LoraConfig(r=job.rank, lora_alpha=job.rank, target_modules=job.targets), adapter_name="twin"
        )
    for p in net.parameters():
        p.data = p.data.to(dtype) if p.requires_grad else p.data
    return net


def _tokens(job: Job, size: Size) -> int:
    return (size[0] // CELL) * (size[1] // CELL) + job.tokens


def _inputs(net: Any, job: Job, size: Size, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    c, cells = net.config, _tokens(job, size) - job.tokens  # a file may leave out what the class knows
    places = len(c["axes_dims_rope"])
    shapes: dict[str, tuple[int, ...]] = {
        "hidden_states": (job.batch, cells, c["in_channels"]),
        "timestep": (job.batch,),
        "txt_ids": (job.tokens, places),
        "encoder_hidden_states": (job.batch, job.tokens, c["joint_attention_dim"]),
        "img_ids": (cells, places),
    }
    if "pooled_projection_dim" in c:
        shapes["pooled_projections"] = (job.batch, c["pooled_projection_dim"])
    if c["guidance_embeds"]:
        shapes["guidance"] = (job.batch,)
    return {name: torch.empty(shape, dtype=dtype, device="meta") for name, shape in shapes.items()}


@lru_cache(maxsize=64)
def _step(job: Job, size: Size, checkpointing: bool, cuda: bool = True) -> int:
    """Forward and backward, beyond the weights: a straight line through as few blocks as can be."""
    doubles, singles = job.config["num_layers"], job.config["num_single_layers"]
    d, s = min(doubles, 1), min(singles, 1)
    count = partial(_short_step, job, size, checkpointing, cuda)
    few = count(d, s)
    more = (doubles - 1) * (count(2, s) - few) if doubles > 1 else 0
    return few + more + ((singles - 1) * (count(d, 2) - few) if singles > 1 else 0)


def _short_step(job: Job, size: Size, checkpointing: bool, cuda: bool, doubles: int, singles: int) -> int:
    net = _short(job, doubles, singles, torch.float32)
    given = _inputs(net, job, size, torch.float32)
    kernels = partial(_Kernels, autocast=True, cuda=cuda)
    if checkpointing:
        again = partial(
            checkpoint, use_reentrant=False, context_fn=lambda: (contextlib.nullcontext(), kernels())
        )
        net.enable_gradient_checkpointing(again)
    with torch.enable_grad(), _Meter([*net.parameters(), *net.buffers(), *given.values()]) as meter:
        with kernels():
            v = net(**given, return_dict=False)[0]
        (v.float() - given["hidden_states"]).pow(2).mean().backward()
    return meter.peak


@lru_cache(maxsize=64)
def _denoise(job: Job, size: Size) -> int:
    """Without gradients all blocks use the same memory, one after the other: one of each kind will do."""
    net = _short(job, min(job.config["num_layers"], 1), min(job.config["num_single_layers"], 1), job.dtype)
    given = _inputs(net, job, size, job.dtype)
    return _without_gradients(net, lambda: net(**given, return_dict=False))


@lru_cache(maxsize=64)
def _decode(part: Path, size: Size, dtype: torch.dtype, batch: int) -> int:
    config = json.loads((part / "config.json").read_text())
    net, scale = _made(config, dtype), 2 ** (len(config["block_out_channels"]) - 1)
    z = torch.empty(
        batch, config["latent_channels"], size[1] // scale, size[0] // scale, dtype=dtype, device="meta"
    )
    return _without_gradients(net, lambda: net.decode(z, return_dict=False))


def _without_gradients(net: Any, run: Callable[[], Any]) -> int:
    with (
        torch.no_grad(),
        _Kernels(autocast=False, cuda=True),
        _Meter([*net.parameters(), *net.buffers()]) as meter,
    ):
        run()
    return meter.peak
