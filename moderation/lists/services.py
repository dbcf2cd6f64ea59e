"""Changes of the lists: a whole new list, lines added or taken off, and a way back to an earlier version."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config import registry
from config.errors import DomainError, Invalid
from config.runs.locks import advisory_lock
from moderation import policy
from moderation.lists.lines import LISTS
from moderation.lists.models import ListVersion

WHY = (5, 200)  # characters of a reason: the fewest and the most


class NothingChanged(DomainError):
    code, status = "list_unchanged", 409
    message = _("The list is like this already, so there is no new version.")


@transaction.atomic
def replace(name: str, text: str, *, actor: Any, why: str) -> ListVersion:
    """Makes the list what `text` says, all of it or nothing. Raises Invalid, NothingChanged, and LineBroken
    or ListBroken, which name the line."""
    wanted = LISTS[name].read(text)
    _lock(name)
    now = LISTS[name].now()
    return _save(name, added=_less(wanted, now), removed=_less(now, wanted), actor=actor, why=why)


@transaction.atomic
def add(name: str, text: str, *, actor: Any, why: str) -> ListVersion:
    """Adds lines. Raises as `replace`."""
    wanted = LISTS[name].read(text)
    _lock(name)
    return _save(name, added=_less(wanted, LISTS[name].now()), removed=[], actor=actor, why=why)


@transaction.atomic
def take_off(name: str, lines: Iterable[str], *, actor: Any, why: str) -> ListVersion:
    """Takes lines off. Raises Invalid, NothingChanged."""
    _lock(name)
    there = set(LISTS[name].now())
    return _save(name, added=[], removed=[each for each in lines if each in there], actor=actor, why=why)


@transaction.atomic
def roll_back(name: str, number: int, *, actor: Any, why: str) -> ListVersion:
    """The list as it was after version `number`; 0 is before the first. It is a new version, so that a way
    back can be taken back too. Raises Invalid, NothingChanged."""
    _lock(name)
    again: set[str] = set()
    away: set[str] = set()
    for later in ListVersion.objects.filter(name=name, number__gt=number):  # the newest first
        again, away = again - set(later.added), away | set(later.added)
        again, away = again | set(later.removed), away - set(later.removed)
    now = set(LISTS[name].now())
    return _save(name, added=sorted(again - now), removed=sorted(away & now), actor=actor, why=why)


def _lock(name: str) -> None:
    """Of two changes at once, the second sees the first."""
    advisory_lock(f"list:{name}")


def _less(some: list[str], others: list[str]) -> list[str]:
    without = set(others)
    return [each for each in some if each not in without]


def _save(name: str, *, added: list[str], removed: list[str], actor: Any, why: str) -> ListVersion:
    why = " ".join(why.split())
    if not WHY[0] <= len(why) <= WHY[1]:
        raise Invalid(errors={"why": [str(_("Write why, in 5 to 200 characters."))]})
    if not added and not removed:
        raise NothingChanged
    LISTS[name].remove(removed)
    LISTS[name].add(added)
    last = ListVersion.objects.filter(name=name).values_list("number", flat=True).first() or 0
    made = ListVersion.objects.create(
        name=name, number=last + 1, by=actor, why=why, added=added, removed=removed
    )
    registry.audit(actor, f"change_{name}", made, f"+{len(added)} -{len(removed)}: {why}")
    transaction.on_commit(policy.forget_terms, robust=True)
    return made
