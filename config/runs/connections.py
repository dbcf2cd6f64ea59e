"""Gives a thread's database connection back while the thread waits for something else.

The worker `remote` has more threads than the database has connections for it (settings.DATABASES).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection

from ml.types import Progress, Store


def release() -> None:
    """Gives this thread's connection back to the pool; the next query takes another. Not within a
    transaction."""
    if not connection.in_atomic_block:
        connection.close()


def released(report: Progress) -> Progress:
    """A progress callback that holds no connection afterwards."""

    def tell(stage: str, share: float) -> bool:
        try:
            return report(stage, share)
        finally:
            release()

    return tell


class ReleasedStore:
    """A store whose methods hold no connection afterwards: a vault reads its key from the database."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    def read(self, name: str) -> bytes:
        return self._released(self.inner.read, name)

    def write(self, name: str, data: bytes) -> None:
        self._released(self.inner.write, name, data)

    def exists(self, name: str) -> bool:
        return self._released(self.inner.exists, name)

    def delete(self, name: str) -> None:
        self._released(self.inner.delete, name)

    def _released(self, act: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return act(*arguments)
        finally:
            release()
