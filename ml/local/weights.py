"""LoRA files and checkpoints: only safetensors, checked before use, stored in the caller's store."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ml.catalogue import Base
from ml.errors import MLError
from ml.lorafile import BROKEN, checksum, facts_of

FULL = "The disk is full or cannot be written. Make room and start again. No incomplete file was left."


class FolderStore:
    """A store on the file system. Writes to a temporary file and renames it, so that no file is ever
    incomplete."""

    def __init__(self, folder: Path):
        self.folder = folder

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"{path.name}.part")
        try:
            with aside.open("wb") as f:
                f.write(data)
                f.flush()
                os.fsync(f.fileno())
            aside.rename(path)
        except OSError as e:
            raise MLError("storage_full", FULL) from e
        finally:
            aside.unlink(missing_ok=True)  # missing after the rename

    def exists(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def delete(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)


def dump(tensors: dict[str, Any], facts: dict[str, Any]) -> bytes:
    """Tensors and a small JSON of facts as one safetensors file."""
    return save(
        {k: v.contiguous() for k, v in tensors.items()},
        metadata={"format": "pt", "photoflux": json.dumps(facts)},
    )


def parse(data: bytes, sha256: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """(tensors, facts) of a file; checks the checksum if given. Never unpickles."""
    if sha256 is not None and checksum(data) != sha256:
        raise MLError(
            "lora_broken", "The twin's file has changed since it was trained. Train the twin again."
        )
    facts = facts_of(data)
    try:
        return load(data), facts
    except (SafetensorError, KeyError, ValueError) as e:
        raise MLError("lora_broken", BROKEN) from e


Loaded = tuple[str, dict[str, Any], dict[str, Any]]  # a twin's file: its checksum, tensors, facts

MOST_RESIDENT = 14 * 10**9  # bytes: 107 twins of rank 16 on FLUX.1, of 131 MB each


def resident_bytes() -> int:
    """The memory for cached twins: PHOTOFLUX_RESIDENT_MB, or an eighth of the host's, at most 14 GB."""
    if said := os.environ.get("PHOTOFLUX_RESIDENT_MB"):
        return int(said) * 10**6
    return min(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 8, MOST_RESIDENT)


def pinned(tensors: dict[str, Any]) -> dict[str, Any]:
    """Copies in pinned memory, from which an accelerator copies asynchronously. Returns `tensors` unchanged
    without an accelerator, or when no more memory can be locked. Pinned memory is allocated in powers of two
    and may take a third more than the tensors."""
    if torch.cuda.is_available():
        with contextlib.suppress(RuntimeError):
            return {name: tensor.pin_memory() for name, tensor in tensors.items()}
    return tensors


@dataclass
class Recent:
    """A cache of the twins used last: at most `room` bytes, but at least one twin, each for `seconds` after
    it was read."""

    room: int = field(default_factory=resident_bytes)
    seconds: float = 600.0
    now: Callable[[], float] = time.monotonic
    _kept: OrderedDict[Any, tuple[float, int, Loaded]] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def get(self, key: Any, read: Callable[[], Loaded]) -> Loaded:
        """The twin of `key`; calls `read` when it is not cached or too old."""
        at, size, loaded = self._take(key) if key in self._kept else (-math.inf, 0, None)
        if loaded is None or self.now() - at > self.seconds:
            checksum, tensors, facts = read()
            at, size = self.now(), sum(t.nbytes for t in tensors.values())
            loaded = (checksum, pinned(tensors), facts)
        self._kept[key] = at, size, loaded
        self._bytes += size
        while len(self._kept) > 1 and (self._bytes > self.room or self._oldest() < self.now() - self.seconds):
            self._take(next(iter(self._kept)))
        return loaded

    def _take(self, key: Any) -> tuple[float, int, Loaded]:
        entry = self._kept.pop(key)
        self._bytes -= entry[1]
        return entry

    def _oldest(self) -> float:
        return next(iter(self._kept.values()))[0]


def check_lora(
    tensors: dict[str, Any], facts: dict[str, Any], base: Base, expected: dict[str, tuple[int, ...]]
) -> None:
    """MLError `lora_other_base` unless the file is a LoRA for this base, with all targets, at the base's
    rank.

    `expected` maps each tensor's name to its shape.
    """
    named = facts.get("base", "another program's")
    if named != base.name:
        what = f"This twin was trained on the base {named}, not on {base.name}."
        raise MLError("lora_other_base", f"{what} Choose that base or train the twin again.")
    if {k: tuple(v.shape) for k, v in tensors.items()} != expected:
        what = f"This file's layers do not fit the base {base.name} at rank {base.rank}."
        raise MLError("lora_other_base", f"{what} Train the twin again on this base.")
