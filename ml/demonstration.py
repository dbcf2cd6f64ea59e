"""The demonstration person: a woman who does not exist, drawn by ml.drawn. Her LoRA ships beside the built-in
base, made by `python -m bench.landing`, so that everybody can make pictures before they upload any.
"""

from __future__ import annotations

import json
from functools import lru_cache

from ml.catalogue import NANO, Base
from ml.errors import MLError
from ml.fingerprint import fingerprint
from ml.lorafile import FACTS, checksum, facts_of, with_metadata
from ml.types import Store

FILE = NANO.parent / "demonstration.safetensors"
NAME = "demonstration"  # of her LoRA, in the store of a job
BASE, SUBJECT = "nano", "woman"


def stamped(lora: bytes, base: Base) -> bytes:
    """A LoRA file that remembers the base's fingerprint."""
    facts = facts_of(lora) | {"fingerprint": fingerprint(base)}
    return with_metadata(lora, {"format": "pt", FACTS: json.dumps(facts)})


def fits(base: Base) -> bool:
    """Whether her LoRA was trained on these very weights: on others she would be drawn worse."""
    known = _read()[1]
    return base.name == BASE and bool(known) and known == fingerprint(base)


def sha256() -> str:
    return _read()[0]


@lru_cache(maxsize=1)
def _read() -> tuple[str, str]:
    """(checksum, fingerprint of the base) of her LoRA; empty without a whole file."""
    try:
        data = FILE.read_bytes()
        return checksum(data), str(facts_of(data).get("fingerprint", ""))
    except (FileNotFoundError, MLError):
        return "", ""


class WithDemonstration:
    """A store in which also her LoRA lies."""

    def __init__(self, files: Store):
        self.files = files

    def read(self, name: str) -> bytes:
        return FILE.read_bytes() if name == NAME else self.files.read(name)

    def write(self, name: str, data: bytes) -> None:
        self.files.write(name, data)

    def exists(self, name: str) -> bool:
        return name == NAME or self.files.exists(name)

    def delete(self, name: str) -> None:
        self.files.delete(name)
