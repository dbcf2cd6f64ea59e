"""The kinds of notices. Each app registers its own, with their sentences and the page that they lead to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from accounts.notices.models import Notice


class Topic(models.TextChoices):
    """What people choose their channels by."""

    TRAINING = "training", gettext_lazy("Trainings")
    GENERATION = "generation", gettext_lazy("Pictures")
    EXPORT = "export", gettext_lazy("Downloads")
    ACCOUNT = "account", gettext_lazy("Account")
    SUPPORT = "support", gettext_lazy("Answers of our staff")


def labels_of(topics: Collection[str]) -> str:
    """Their names in one line."""
    found = [str(topic.label) for topic in Topic if topic in topics]
    return pgettext("between topics", ", ").join(found)


class Words(NamedTuple):
    title: str
    text: str = ""


Facts = dict[str, Any]


def joined(one: str, two: str) -> str:
    """Two sentences, of which each may be empty, spaced as the language spaces them."""
    return _("%(one)s %(two)s") % {"one": one, "two": two} if one and two else one or two


@dataclass(frozen=True)
class Kind:
    """`words(facts)` are its sentences in the active language; `path(notice)` is the page of its subject.
    `merge` joins the facts of several into those of one line; without it each has a line of its own.
    `mailed`: false for what an e-mail of its own tells, whatever the user chose."""

    name: str
    topic: Topic
    words: Callable[[Facts], Words]
    path: Callable[[Notice], str]
    merge: Callable[[Facts, Facts], Facts] | None = None
    mailed: bool = True


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
