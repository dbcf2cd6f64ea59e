"""Keeps new work from a service that is away: after some failures in a row nothing is sent for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

FAILURES = 5  # in a row
OPEN_SECONDS = 30.0


class Circuit(Protocol):
    """One for all services. Implementations are thread-safe."""

    def open(self, service: str) -> bool:
        """Whether new work has to wait."""
        ...

    def failed(self, service: str) -> None: ...
    def worked(self, service: str) -> None: ...


class InProcessCircuit:
    """Opens after FAILURES in a row. After OPEN_SECONDS one more failure opens it again."""

    def __init__(self, now: Callable[[], float] = time.monotonic):
        self.now = now
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def open(self, service: str) -> bool:
        with self._lock:
            return self.now() < self._until.get(service, 0.0)

    def failed(self, service: str) -> None:
        with self._lock:
            self._failures[service] = self._failures.get(service, 0) + 1
            if self._failures[service] >= FAILURES:
                self._until[service] = self.now() + OPEN_SECONDS

    def worked(self, service: str) -> None:
        with self._lock:
            self._failures.pop(service, None)
            self._until.pop(service, None)
