"""Compiling a base's blocks with torch.compile."""

from __future__ import annotations

import os
import shutil
from typing import Any

import torch

GRAPHS = 64  # kinds of blocks times sizes of pictures; torch stops compiling after 8 by default


def compiler() -> str | None:
    """The C compiler, which torch.compile needs also for an accelerator; None where there is none."""
    return next(filter(None, map(shutil.which, (os.environ.get("CC") or "cc", "gcc", "clang"))), None)


def compile_blocks(transformer: Any, vae: Any = None) -> None:
    """Compile each kind of block once (not each of the 57 blocks), and the decoder of a VAE where one is
    given.

    Compilation happens at the first picture or step of each size. LoRA layers must be there before and must
    stay."""
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, GRAPHS)
    transformer.compile_repeated_blocks(fullgraph=True, dynamic=False)
    if vae is not None:
        vae.decoder.compile(dynamic=False)


def undo_compilation(*parts: Any) -> None:
    """Run `parts` eagerly again, as before `compile_blocks`."""
    for part in parts:
        for module in part.modules():
            module._compiled_call_impl = None
