"""Hooks through which an app calls apps that it may not import (tests/test_layers.py has their order).

Each app registers its functions in its apps.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol
from uuid import UUID


class Member(NamedTuple):
    """One file of an archive. If `chunks` is None, the file is left out and `about` says why."""

    path: str
    chunks: Iterable[bytes] | None
    about: str = ""  # a sentence for the owner: what the file is


@dataclass(frozen=True)
class Exporter:
    """`members(user)` yields all data of a user in these models. The user's language is active then."""

    models: tuple[type[Any], ...]
    members: Callable[[Any], Iterator[Member]]


@dataclass(frozen=True)
class Eraser:
    """How an app erases its rows when an account is erased.

    `models` maps each model to the look-up of its user; the rows are deleted in this order.
    `before(user)` runs first, outside any transaction: it may call other services and may run again.
    `erase(user)` runs in the transaction, before the rows are deleted, and changes or anonymises others.
    `keeps` are the models whose rows stay because they hold no personal data.
    """

    models: Mapping[type[Any], str] = field(default_factory=dict)
    before: Callable[[Any], None] = lambda user: None
    erase: Callable[[Any], None] = lambda user: None
    keeps: tuple[type[Any], ...] = ()


ItemExporter = Callable[[Any, dict[str, Any]], Iterator[Member]]  # (user, choice) -> the chosen items
OnWithdraw = Callable[[Any], None]  # user -> stops what the withdrawn consent allowed
OnGive = Callable[[Any], None]  # user -> begins what the given consent allows
KnownFiles = Callable[[UUID], Iterable[str]]  # user id -> the names of the user's files in rows of the app
Live = Callable[[Any], tuple[str, Any]]  # user -> (name of an event, its current data; None: not for them)

exporters: list[Exporter] = []
item_exporters: list[ItemExporter] = []
erasers: list[Eraser] = []  # run from the last to the first: later apps have foreign keys to earlier ones
known_files: list[KnownFiles] = []
live: list[Live] = []  # sent on the event stream when it changed; a change of a run may change it
on_give: dict[str, list[OnGive]] = {}  # by kind of consent, after the commit
on_withdraw: dict[str, list[OnWithdraw]] = {}  # by kind of consent


Sweep = Callable[[], int]  # deletes what is past its time; returns how many
retention: dict[str, list[Sweep]] = {}  # by code of a rule in accounts/retention.py


def retain(**sweeps: Sweep) -> None:
    """Registers what carries out a rule, by the rule's code."""
    for code, sweep in sweeps.items():
        retention.setdefault(code, []).append(sweep)


Concerned = Callable[[Any], Iterable[tuple[Any, int]]]  # user -> (what, how many) that a withdrawal ends now
concerned: dict[str, list[Concerned]] = {}  # by kind of consent


Auditor = Callable[[Any, str, Any, str], None]  # (actor, verb, row, detail) -> writes the audit entry
auditors: list[Auditor] = []


def audit(actor: Any, verb: str, row: Any, detail: str = "") -> None:
    """Record that `actor` did `verb` to `row`, in the same transaction as the caller's change."""
    for keep in auditors:
        keep(actor, verb, row, detail)


RunEnded = Callable[[Any], None]  # run -> tells its owner; in the transaction in which the run ends
run_ended: list[RunEnded] = []


Pause = Callable[[], bool]  # -> whether no run may begin now
pauses: list[Pause] = []


def paused() -> bool:
    return any(pause() for pause in pauses)


Checked = Callable[[str, int], None]  # (name of a check, how many problems it found) -> keeps it
checked: list[Checked] = []


def tell_checked(name: str, problems: int) -> None:
    for keep in checked:
        keep(name, problems)


Refused = Callable[[str, str, str], None]  # (service, name of the key, its reason) -> tells staff
refused_keys: list[Refused] = []


def key_refused(service: str, key: str, reason: str) -> None:
    """A service refuses a key of ours."""
    for tell in refused_keys:
        tell(service, key, reason)


class Subject(Protocol):
    """What moderation can do with a photo, an item or a comment. The app that owns it looks it up by id.

    `private`: whether only its owner sees it. Nobody else can report such a one, or learn that it is there.
    `several`: whether it shows several pictures, so that its preview does not say which one a case is about.
    `preview` is a small picture, or a text; `owner` the user's id. They raise NotFound.
    `ident_in` finds the id in an address of a page or file; None: the address is of something else.
    `find_near` takes a PDQ hash and returns the ids of what is nearly the same picture.
    `prints` are the kept hashes of its picture and of its middles, [] where there are none; `faces` those of
    the faces in it, by which its near copies are found too.
    The others may be called twice, and raise NotFound where there is nothing.
    """

    private: bool
    several: bool

    def preview(self, ident: str) -> bytes: ...
    def owner(self, ident: str) -> UUID | None: ...
    def ident_in(self, address: str) -> str | None: ...
    def hide(self, ident: str) -> None: ...
    def publish(self, ident: str) -> None: ...
    def restore(self, ident: str) -> None: ...
    def remove(self, ident: str) -> None: ...
    def find_near(self, hash: int) -> list[str]: ...
    def prints(self, ident: str) -> list[int]: ...
    def faces(self, ident: str) -> list[int]: ...


subjects: dict[str, Subject] = {}
