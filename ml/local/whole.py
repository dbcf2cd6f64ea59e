"""Checks that a base's directory is complete. Reads indexes and headers, never weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def complete(folder: Path) -> list[str]:
    """The faults of a directory in diffusers' layout, one phrase each; [] for a complete one."""
    index = read_json(folder / "model_index.json")
    if index is None:
        return ["model_index.json cannot be read"]
    parts = [k for k, v in index.items() if isinstance(v, list) and len(v) == 2 and v[1] is not None]
    return [f"{name}/{wrong}" for name in parts for wrong in part_faults(folder / name)]


def part_faults(part: Path) -> list[str]:
    """The faults of one part (transformer/, tokenizer/, ...), each as a file's name and its
    fault."""
    if not part.is_dir() or not any(part.iterdir()):
        return [" is missing"]
    indexes, weights = sorted(part.glob("*.safetensors.index.json")), sorted(part.glob("*.safetensors"))
    faults = [fault for index in indexes for fault in index_faults(index)]
    if (part / "config.json").is_file():
        if read_json(part / "config.json") is None:
            faults.append("config.json cannot be read")
        if not indexes and not weights:
            faults.append(" holds no weights")
    elif indexes or weights:
        faults.append("config.json is missing")
    return faults + [f"{file.name} {wrong}" for file in weights if (wrong := damage(file))]


def index_faults(index: Path) -> list[str]:
    """The faults of an index: the shards that it names but that are missing."""
    shards = (read_json(index) or {}).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        return [f"{index.name} cannot be read"]
    return [
        f"{name} is missing"
        for name in sorted(set(map(str, shards.values())))
        if not (index.parent / name).is_file()
    ]


def damage(file: Path) -> str:
    """The fault of a safetensors file; "" when its size agrees with its header.

    The format: 8 bytes with the header's length, a JSON header with each tensor's offsets, the tensors
    without gaps."""
    try:
        size = file.stat().st_size
        wanted = _size_told(file, size)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return "is no safetensors file"
    except OSError as e:
        return f"cannot be read ({e.strerror})"
    if wanted is None:
        return f"is cut short ({size} bytes)"
    return "" if size == wanted else f"has {size} bytes in the place of {wanted}"


def _size_told(file: Path, size: int) -> int | None:
    """The size that the header states; None when a file of `size` bytes does not hold the whole header."""
    with file.open("rb") as f:
        length = int.from_bytes(f.read(8), "little")
        if size < 10 or length > size - 8:
            return None
        header = json.loads(f.read(length))
    return (
        8 + length + max((v["data_offsets"][1] for k, v in header.items() if k != "__metadata__"), default=0)
    )


def read_json(file: Path) -> dict[str, Any] | None:
    """A file's JSON object; None if the file is missing or holds no JSON object."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
