"""The kinds of notices. Each app registers its own, with their sentences and the page that they lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.notices.models import Notice


class Topic(models.TextChoices):
    """What people choose their channels by."""

    TRAINING = "training", _("Trainings")
    GENERATION = "generation", _("Pictures")
    EXPORT = "export", _("Downloads")
    ACCOUNT = "account", _("Account")


class Words(NamedTuple):
    title: str
    text: str = ""


Facts = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """`words(facts)` are its sentences in the active language; `path(notice)` is the page of its subject.
    `merge` joins the facts of several into those of one line; without it each has a line of its own."""

    name: str
    topic: Topic
    words: Callable[[Facts], Words]
    path: Callable[[Notice], str]
    merge: Callable[[Facts, Facts], Facts] | None = None


kinds: dict[str, Kind] = {}


def register(*found: Kind) -> None:
    kinds.update({kind.name: kind for kind in found})


def added(one: Facts, other: Facts) -> Facts:
    """A `merge` that adds up the numbers in both."""
    return {name: n + other[name] for name, n in one.items() if isinstance(n, int)}


def words_of(notice: Notice) -> Words:
    return kinds[notice.kind].words(notice.facts)


class Line(NamedTuple):
    """One line of an e-mail: the words of one notice, or of several that were merged. `notice` is the newest
    of them."""

    words: Words
    notice: Notice


def lines_of(notices: Iterable[Notice]) -> list[Line]:
    """Merged where their kinds allow it, in the order of `notices`."""
    groups: dict[Any, list[Notice]] = {}
    for notice in notices:
        alone = kinds[notice.kind].merge is None
        groups.setdefault(notice.id if alone else notice.kind, []).append(notice)
    return [_line(group) for group in groups.values()]


def _line(group: list[Notice]) -> Line:
    newest = max(group, key=lambda notice: notice.created_at)
    kind = kinds[newest.kind]
    facts = reduce(kind.merge, (n.facts for n in group)) if kind.merge else newest.facts
    return Line(kind.words(facts), newest)
