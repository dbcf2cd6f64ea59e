"""Loading a base onto a device."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from ml.catalogue import Base
from ml.errors import MLError
from ml.local.files import find, find_undistilled, pipeline_in
from ml.local.fp8 import quantise
from ml.nets import decoder
from ml.nets.torchvision import ensure_torchvision

_lock = threading.Lock()


def load_pipeline(base: Base, device: str, *, in_8_bits: bool = False, text_on_host: bool = False) -> Any:
    """The diffusers pipeline of a base, in its dtype, on the device. MLError `base_missing` or `base_broken`.

    To save memory, `in_8_bits` quantises the transformer's blocks, and `text_on_host` keeps the text encoders
    in the host's memory, in a separate pipeline (`pipe.reader`). `pipe.own_decoder` is the base's own
    decoder, or None."""
    folder = _checked(base)
    pipe = _loaded(base, base.layout.pipeline, folder)
    pipe.own_decoder = _own_decoder(base, folder, device)
    pipe.set_progress_bar_config(disable=True)
    for part in (pipe.transformer, pipe.vae, *(getattr(pipe, name) for name in base.layout.encoders)):
        part.requires_grad_(False).eval()
    if text_on_host:
        reader = type(pipe)(**{**pipe.components, "transformer": None, "vae": None})
        pipe.register_modules(**dict.fromkeys(base.layout.encoders))
        pipe.reader = reader
    if in_8_bits:
        quantise(pipe.transformer, device)
    return pipe.to(device)


def _checked(base: Base) -> Path:
    """The base's directory. MLError `base_broken` if it holds another kind of model."""
    folder, kind = find(base), base.layout.pipeline
    if pipeline_in(folder) != kind:
        what = f"The directory of the base {base.name} holds another kind of model."
        raise MLError("base_broken", f"{what} Put one for {kind} there.")
    return folder


def _own_decoder(base: Base, folder: Path, device: str) -> Any:
    """The base's own decoder, see ml/nets/decoder.py; None without one. MLError `base_broken`."""
    try:
        found = decoder.load(folder, base.sizes)
    except (OSError, RuntimeError, SafetensorError) as e:
        raise MLError(
            "base_broken", f"The decoder of the base {base.name} is damaged. Fetch it again."
        ) from e
    if found:
        found.net.to(device)
    return found


def load_undistilled(base: Base, device: str) -> Any:
    """The transformer to train; None if it is the served one. Raises the same errors as
    load_pipeline."""
    folder = find_undistilled(base)
    if folder is None:
        return None
    return _loaded(base, base.layout.transformer, folder).requires_grad_(False).eval().to(device)


def _loaded(base: Base, kind: str, folder: Path) -> Any:
    """A model or pipeline of diffusers' class `kind`. MLError `base_broken` when it cannot be read."""
    try:
        return getattr(diffusers(), kind).from_pretrained(
            folder, dtype=getattr(torch, base.dtype), local_files_only=True
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as e:
        raise MLError(
            "base_broken",
            f"The base {base.name} cannot be loaded: a file is missing or damaged. Fetch it again.",
        ) from e


def diffusers() -> Any:
    """The library, with its logs and progress bars off."""
    with _lock:
        ensure_torchvision()
        import diffusers as library
        from diffusers.utils import logging as diffusers_log
        from transformers.utils import logging as transformers_log

        for log in (diffusers_log, transformers_log):
            log.set_verbosity_error()
            log.disable_progress_bar()
        return library


@contextlib.contextmanager
def alone_on_device(pipe: Any, base: Base, trained: Any) -> Iterator[None]:
    """Inside, an accelerator holds only `trained`. VAE, text encoders and a transformer that only samples are
    on the host: latents and texts are already encoded."""
    device = pipe.device
    parts = [pipe.vae, *filter(None, (getattr(pipe, name) for name in base.layout.encoders))]
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
