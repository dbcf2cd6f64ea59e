"""Chooses between bfloat16 and float32 by the device's speed."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import torch
from torch import nn


@cache
def halves(device: str) -> bool:
    """Whether bfloat16 multiplies faster than float32 on the device. Some CPUs have bfloat16 instructions
    but are slower with them."""
    if torch.device(device).type != "cpu":
        return True

    def seconds(dtype: torch.dtype) -> float:
        x, w, best = torch.ones(2048, 192, dtype=dtype), torch.ones(768, 192, dtype=dtype), 1e9
        for _ in range(8):
            start = time.perf_counter()
            nn.functional.linear(x, w)
            best = min(best, time.perf_counter() - start)
        return best

    return seconds(torch.bfloat16) < seconds(torch.float32)


def mixed(device: str, enabled: bool | None = None) -> Any:
    """Autocast to bfloat16 if `enabled`; None enables it if it is faster."""
    on = halves(device) if enabled is None else enabled
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=on)
