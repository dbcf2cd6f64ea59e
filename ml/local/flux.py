"""Loading a base, and the few tensor shapes that training and sampling share.

B batch, H W pixels, h w latent cells (H/8, W/8): latents (B, 16, h, w) -> packed (B, h*w/4, 64). t is 0 (picture) .. 1 (noise).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from typing import Any

import torch

from ml.errors import MLError
from ml.local.bases import Base, find, find_undistilled, kind_of
from ml.local.families import Text
from ml.local.fp8 import quantise
from ml.nets.torchvision import ensure_torchvision

_lock = threading.Lock()


def load_pipeline(base: Base, device: str, *, in_8_bits: bool = False, text_on_host: bool = False) -> Any:
    """The diffusers pipeline of a base, in its dtype, on the device; its transformer's blocks in 8 bits, or its text encoders left
    behind in a pipeline of their own (`pipe.reader`), where memory is short. MLError `base_missing` or `base_broken`."""
    folder = find(base)
    if kind_of(folder) != base.family.pipeline:
        raise MLError(
            "base_broken",
            f"The directory of the base {base.name} holds another kind of model. Put one for {base.family.pipeline} there.",
        )
    diffusers = _diffusers()
    with _readable(base):
        pipe = getattr(diffusers, base.family.pipeline).from_pretrained(
            folder, dtype=getattr(torch, base.dtype), local_files_only=True
        )
    pipe.set_progress_bar_config(disable=True)
    for part in (pipe.transformer, pipe.vae, *(getattr(pipe, name) for name in base.family.encoders)):
        part.requires_grad_(False).eval()
    if text_on_host:
        reader = type(pipe)(**{**pipe.components, "transformer": None, "vae": None})
        pipe.register_modules(**dict.fromkeys(base.family.encoders))
        pipe.reader = reader
    if in_8_bits:
        quantise(pipe.transformer, device)
    return pipe.to(device)


def load_undistilled(base: Base, device: str) -> Any:
    """The transformer that is trained where another one serves; None where it is the same. MLError as load_pipeline."""
    folder = find_undistilled(base)
    if folder is None:
        return None
    with _readable(base):
        net = getattr(_diffusers(), base.family.transformer).from_pretrained(
            folder, dtype=getattr(torch, base.dtype), local_files_only=True
        )
    return net.requires_grad_(False).eval().to(device)


def _diffusers() -> Any:
    """The library, quiet."""
    with _lock:
        ensure_torchvision()
        import diffusers
        from diffusers.utils import logging as diffusers_log
        from transformers.utils import logging as transformers_log

        for log in (diffusers_log, transformers_log):
            log.set_verbosity_error()
            log.disable_progress_bar()
        return diffusers


@contextlib.contextmanager
def _readable(base: Base) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as e:
        raise MLError(
            "base_broken",
            f"The base {base.name} cannot be loaded: a file is missing or damaged. Fetch it again.",
        ) from e


GRAPHS = 64  # kinds of blocks times sizes of pictures; torch gives up compiling after 8


def compiler() -> str | None:
    """The C compiler that compiling needs, also for an accelerator; None where there is none."""
    return next(filter(None, map(shutil.which, (os.environ.get("CC") or "cc", "gcc", "clang"))), None)


def quicken(transformer: Any, vae: Any = None) -> None:
    """Compile the blocks, and the codec's decoder where one is given: each kind of block once, not each of the fifty-seven. It
    happens at the first picture or step of each size. LoRA layers must be on before, and stay on."""
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, GRAPHS)
    transformer.compile_repeated_blocks(fullgraph=True, dynamic=False)
    if vae is not None:
        vae.decoder.compile(dynamic=False)


def plainly(*parts: Any) -> None:
    """As they were before `quicken`."""
    for part in parts:
        for module in part.modules():
            module._compiled_call_impl = None


@contextlib.contextmanager
def resting(pipe: Any, base: Base, trained: Any) -> Iterator[None]:
    """Inside, an accelerator holds `trained` alone: latents and texts are encoded, so codec, text encoders and the transformer
    that only paints wait on the host."""
    device = pipe.device
    parts = [pipe.vae, *filter(None, (getattr(pipe, name) for name in base.family.encoders))]
    if trained is not pipe.transformer:
        parts.append(pipe.transformer)
    try:
        if device.type != "cpu":
            for part in parts:
                part.to("cpu")
            torch.cuda.empty_cache()
        yield
    finally:
        for part in parts:
            part.to(device)


def pack(z: torch.Tensor) -> torch.Tensor:
    """(B, 16, h, w) -> (B, h*w/4, 64)."""
    B, C, h, w = z.shape
    return z.view(B, C, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5).reshape(B, h * w // 4, C * 4)


def unpack(x: torch.Tensor, h: int, w: int) -> torch.Tensor:
    """(B, h*w/4, 64) -> (B, 16, h, w)."""
    B, n, C = x.shape
    return x.view(B, h // 2, w // 2, C // 4, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(B, C // 4, h, w)


def pack_mask(mask: torch.Tensor) -> torch.Tensor:
    """(B, H, W) weights of pixels -> (B, h*w/4, 1) weights of packed cells: the mean over each 16 x 16 pixels."""
    return torch.nn.functional.avg_pool2d(mask[:, None], 16).flatten(2).transpose(1, 2)


def image_ids(h: int, w: int, device: str) -> torch.Tensor:
    """(h*w/4, 3): zero, row and column of each packed cell."""
    ids = torch.zeros(h // 2, w // 2, 3, device=device)
    ids[..., 1] += torch.arange(h // 2, device=device)[:, None]
    ids[..., 2] += torch.arange(w // 2, device=device)[None, :]
    return ids.reshape(-1, 3)


STRIDE = 1 / 6  # about how far one step of sampling goes


def step_ahead(t: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    """(B,) times 0..1 -> where a step of sampling from each may lead: half to one and a half of STRIDE nearer to the picture, or
    half way where that is less. A rollout is trained from there: what a model alone made on the way is not in noised pictures."""
    return (t - STRIDE * (0.5 + torch.rand(len(t), generator=g).to(t.device))).maximum(t / 2)


def draw_times(count: int, g: torch.Generator, kind: str = "mixed") -> torch.Tensor:
    """(count,) times 0..1 to train at, by what the field calls timestep sampling:

    uniform: as it says. sigmoid: sigmoid(N(0, 1)). shifted: the same, t -> 3t / (1 + 2t), towards noise. mixed: two thirds
    sigmoid(N(0.2, 1)), a quarter uniform, one in twelve just 1; sampling starts at 1, which a bell alone meets less than once
    in a thousand: a small model then starts from a guess. high: half just 1, a quarter above 0.75, the rest uniform and shifted as
    above: what a text asks for is settled there.
    """
    bell, die, flat = (
        torch.randn(count, generator=g),
        torch.rand(count, generator=g),
        torch.rand(count, generator=g),
    )
    if kind == "uniform":
        return flat
    if kind == "high":
        above = torch.where(die < 3 / 4, 1 - flat / 4, 3 * flat / (1 + 2 * flat))
        return torch.where(die < 1 / 2, torch.ones(count), above)
    if kind in ("sigmoid", "shifted"):
        t = torch.sigmoid(bell)
        return 3 * t / (1 + 2 * t) if kind == "shifted" else t
    return torch.where(
        die < 1 / 12, torch.ones(count), torch.where(die < 1 / 3, flat, torch.sigmoid(bell + 0.2))
    )


@torch.no_grad()
def encode_text(pipe: Any, base: Base, text: str) -> Text:
    """One prompt, padded to the base's length, where the transformer is."""
    reader = getattr(pipe, "reader", pipe)
    found = base.family.encode_text(reader, text.lower() if base.lowercase else text, base.tokens)
    return tuple(part.to(pipe.transformer.device) for part in found)


@torch.no_grad()
def encode_picture(pipe: Any, base: Base, pixels: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) in -1..1 -> tokens (B, n, C)."""
    return base.family.encode_picture(pipe, pixels)
