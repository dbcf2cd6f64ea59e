"""Compiling a base's blocks with torch.compile."""

from __future__ import annotations

import os
import shutil
from typing import Any

import torch

GRAPHS = 64  # most graphs: kinds of blocks x picture sizes; torch's default limit is 8


def compiler() -> str | None:
    """The path of the C compiler, or None. torch.compile needs one, also for an accelerator."""
    return next(filter(None, map(shutil.which, (os.environ.get("CC") or "cc", "gcc", "clang"))), None)


def compile_blocks(transformer: Any, vae: Any = None) -> None:
    """Compiles each kind of block once (not each of the 57 blocks), and the decoder of `vae` if
    given.

    torch compiles at the first picture or step of each size. LoRA layers must be added before and must
    stay."""
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, GRAPHS)
    transformer.compile_repeated_blocks(fullgraph=True, dynamic=False)
    if vae is not None:
        vae.decoder.compile(dynamic=False)


def undo_compilation(*parts: Any) -> None:
    """Undoes `compile_blocks`: `parts` run eagerly again."""
    for part in parts:
        for module in part.modules():
            module._compiled_call_impl = None
