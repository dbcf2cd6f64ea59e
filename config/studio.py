"""The one place where Django opens the door to ml. Web processes never call it: it loads torch."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from ml.local.bases import BASES, base_of, present
from ml.studio import Studio, open_studio

_lock = threading.Lock()
_open: dict[str, Studio] = {}


def get_studio(profile: str | None = None) -> Studio:
    """The studio of a base, opened once a process. Tests put their own into `use`."""
    name = profile or settings.STUDIO_PROFILE
    with _lock:
        if name not in _open:
            _open[name] = open_studio(name, **_options(name))
        return _open[name]


def _options(name: str) -> dict[str, Any]:
    return {
        "keys": settings.KEYS / "provenance",
        "threads": settings.STUDIO_THREADS,
        "in_8_bits": settings.STUDIO_IN_8_BITS,
        "source": settings.STUDIO_SOURCES.get(name),
    }


def use(name: str, studio: Studio | None) -> None:
    """Put a studio (None: the real one again) in the place of a base's."""
    with _lock:
        _open.pop(name, None)
        if studio is not None:
            _open[name] = studio


@dataclass(frozen=True)
class BaseFacts:
    name: str
    licence: str
    source: str
    present: bool
    photorealistic: bool  # it can deceive, so it asks for proof of likeness


def bases() -> list[BaseFacts]:
    """What bases there are, and which are here."""
    found = [base_of(name, settings.STUDIO_SOURCES.get(name)) for name in BASES]
    return [BaseFacts(b.name, b.licence, b.source, present(b), b.photorealistic) for b in found]
