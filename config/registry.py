"""What apps on the left ask of apps on their right without importing them. Each app fills these in its apps.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol
from uuid import UUID


class Member(NamedTuple):
    """One file of an archive. Without `chunks` it is left out, and `about` says why."""

    path: str
    chunks: Iterable[bytes] | None
    about: str = ""  # what it is, a sentence for its owner


@dataclass(frozen=True)
class Exporter:
    """`members(user)` yields all that these models hold of a user, with the user's language active."""

    models: tuple[type[Any], ...]
    members: Callable[[Any], Iterator[Member]]


@dataclass(frozen=True)
class Eraser:
    """How an app's rows go when an account is erased.

    `models` maps each model to the look-up that leads to its user; these rows are deleted in this order.
    `before(user)` runs before that, outside any transaction: it may call other services and may run again.
    `erase(user)` runs in the transaction, before the rows go, for what is changed or kept without a name.
    `keeps` are the models whose rows stay because they name nobody.
    """

    models: Mapping[type[Any], str] = field(default_factory=dict)
    before: Callable[[Any], None] = lambda user: None
    erase: Callable[[Any], None] = lambda user: None
    keeps: tuple[type[Any], ...] = ()


ItemExporter = Callable[[Any, dict[str, Any]], Iterator[Member]]  # (user, choice) -> the chosen items
OnWithdraw = Callable[[Any], None]  # user -> what the ended consent had allowed is stopped
KnownFiles = Callable[
    [UUID], Iterable[str]
]  # user id -> every name in their vault that a row of the app names
Live = Callable[[Any], tuple[str, Any]]  # user -> (name of an event, its data as it is now)

exporters: list[Exporter] = []
item_exporters: list[ItemExporter] = []
erasers: list[Eraser] = []  # run from the last to the first: the apps on the right point to those on the left
known_files: list[KnownFiles] = []
live: list[Live] = []  # sent on the event stream whenever it changed with a run
on_withdraw: dict[str, list[OnWithdraw]] = {}  # by kind of consent


Auditor = Callable[[Any, str, Any, str], None]  # (actor, verb, row, detail) -> it is on record
auditors: list[Auditor] = []


def audit(actor: Any, verb: str, row: Any, detail: str = "") -> None:
    """Put on record that `actor` did `verb` to `row`, in the caller's transaction: both happen, or neither."""
    for keep in auditors:
        keep(actor, verb, row, detail)


class Subject(Protocol):
    """What moderation does with a photo, an item, a comment: named by kind and id, found by its own app."""

    def preview(self, ident: str) -> bytes: ...
    def hide(self, ident: str) -> None: ...
    def publish(self, ident: str) -> None: ...
    def restore(self, ident: str) -> None: ...
    def remove(self, ident: str) -> None: ...
    def find_near(self, hash: int) -> list[str]: ...


subjects: dict[str, Subject] = {}
