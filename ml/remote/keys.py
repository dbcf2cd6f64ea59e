"""Our keys for a service: used in order; a refused one is reported and left alone for a while."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable

from ml.remote.failures import failure
from ml.remote.settings import Remote

SKIP_SECONDS = 600.0

OnRefused = Callable[[str, str, str], None]  # service, name of the key, reason


def name_of(key: str) -> str:
    """A key's name, which does not tell the key: 12 hex digits of its SHA-256."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


class Keys:
    """Thread-safe. `on_refused` is told of each refusal."""

    def __init__(
        self,
        remote: Remote,
        *,
        on_refused: OnRefused | None = None,
        now: Callable[[], float] = time.monotonic,
    ):
        self.remote, self.on_refused, self.now = remote, on_refused, now
        self._until: dict[str, float] = {}  # name -> when it is tried again
        self._lock = threading.Lock()

    def usable(self, first: str = "") -> list[tuple[str, str]]:
        """(name, key) of each key that was not refused just now; the one named `first` comes first. MLError
        `engine_key_refused` when there is none."""
        with self._lock:
            named = [(name_of(key), key) for key in self.remote.keys]
            found = [pair for pair in named if self._until.get(pair[0], 0.0) <= self.now()]
        if not found:
            raise failure(self.remote.service, "engine_key_refused")
        return sorted(found, key=lambda pair: pair[0] != first)

    def refuse(self, name: str, reason: str) -> None:
        with self._lock:
            self._until[name] = self.now() + SKIP_SECONDS
        if self.on_refused:
            self.on_refused(self.remote.service, name, reason)
