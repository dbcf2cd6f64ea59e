"""The header of LoRA files (safetensors), read without torch: tensors, places and the twin's facts.

A file is the header's length (8 bytes, little-endian), the header as JSON, and the tensors' bytes, no gaps
(github.com/huggingface/safetensors, "Format"). The facts are JSON under "photoflux" in its metadata.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ml.errors import MLError

BROKEN = (
    "This file is not a complete safetensors file of PhotoFlux. Train the twin again or fetch the file again."
)
MOST_HEADER = 100_000_000  # bytes, as in the safetensors library
METADATA, FACTS = "__metadata__", "photoflux"


def checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def header_of(data: bytes) -> dict[str, Any]:
    """Raises ValueError, KeyError, TypeError or AttributeError for what is no safetensors file."""
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= min(len(data) - 8, MOST_HEADER):
        raise ValueError("header length")
    header = json.loads(data[8 : 8 + length])
    end = max((v["data_offsets"][1] for k, v in header.items() if k != METADATA), default=0)
    if 8 + length + end != len(data):
        raise ValueError("data length")
    return dict(header)


def facts_of(data: bytes) -> dict[str, Any]:
    """The facts in a file's header. MLError `lora_broken` if it is not one of our safetensors files."""
    try:
        facts = json.loads(header_of(data).get(METADATA, {}).get(FACTS, "{}"))
        if not isinstance(facts, dict):
            raise ValueError("facts")
        return facts
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise MLError("lora_broken", BROKEN) from e


def with_metadata(data: bytes, metadata: Mapping[str, str]) -> bytes:
    """The same tensors with other metadata. The header is padded with spaces to a multiple of 8 bytes."""
    length = int.from_bytes(data[:8], "little")
    tensors = {k: v for k, v in header_of(data).items() if k != METADATA}
    header = json.dumps({METADATA: dict(metadata)} | tensors, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return b"".join((len(header).to_bytes(8, "little"), header, memoryview(data)[8 + length :]))
