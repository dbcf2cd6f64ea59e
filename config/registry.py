"""What apps on the left ask of apps on their right without importing them. Each app fills these in its apps.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol
from uuid import UUID

Exporter = Callable[
    [Any], Iterator[tuple[str, Iterable[bytes]]]
]  # an Export -> (path in the archive, its bytes)
Eraser = Callable[[Any], None]  # user -> everything of theirs in this app is gone
OnWithdraw = Callable[[Any], None]  # user -> what the ended consent had allowed is stopped

KnownFiles = Callable[
    [UUID], Iterable[str]
]  # whose -> every name in their vault that a row of this app speaks of

Live = Callable[[Any], tuple[str, Any]]  # user -> (name of an event, its data as it is now)

exporters: list[Exporter] = []
erasers: list[Eraser] = []
known_files: list[KnownFiles] = []
live: list[Live] = []  # told on the event stream whenever it changed with a run
on_withdraw: dict[str, list[OnWithdraw]] = {}  # by kind of consent


Auditor = Callable[[Any, str, Any, str], None]  # (actor, verb, row, detail) -> it is on record
auditors: list[Auditor] = []


def audit(actor: Any, verb: str, row: Any, detail: str = "") -> None:
    """Put on record that `actor` did `verb` to `row`, in the caller's transaction: both happen, or neither."""
    for keep in auditors:
        keep(actor, verb, row, detail)


class Subject(Protocol):
    """What moderation may do with a photo, an item, a comment: named by kind and id, found by the app that owns it."""

    def preview(self, ident: str) -> bytes: ...
    def hide(self, ident: str) -> None: ...
    def publish(self, ident: str) -> None: ...
    def restore(self, ident: str) -> None: ...
    def remove(self, ident: str) -> None: ...
    def find_near(self, hash: int) -> list[str]: ...


subjects: dict[str, Subject] = {}
