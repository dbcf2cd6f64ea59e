"""The clock of takedowns, the notices of decisions, and what is removed for good. One beat task runs it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.emails import send, tell, tell_staff
from config import registry
from config.errors import NotFound
from moderation.cases import copies, deciding, notices
from moderation.cases.models import APPEAL, DUE, UNDO, Case, Decision, Match, Notice
from moderation.standing import strikes

# What staff are told of an open takedown, by its age: (level, age). Each level once.
LEVELS = ((4, DUE), (3, timedelta(hours=40)), (2, timedelta(hours=24)), (1, timedelta(0)))
AT_ONCE, CASES = 100, 20  # decisions, and new cases, in one round


def watch() -> None:
    """Looks for copies, reminds staff, tells both sides of decisions that stand, and deletes what nobody can
    appeal any more."""
    find_copies()
    remind()
    tell_outcomes()
    remove_for_good()


def find_copies() -> int:
    """Looks for the copies of new cases, so that staff see the doubtful ones, and of removals once more.
    Returns of how many cases."""
    found = Case.objects.to_match()[:CASES]
    for case in found:
        find_copies_of(case)
    return len(found)


def find_copies_of(case: Case) -> None:
    copies.find(case)
    deciding.hide_found(case)


# ---------------------------------------------------------------- the clock


def remind() -> int:
    """One e-mail for each level, with the numbers of all its cases. Returns how many cases it names."""
    return sum(_remind(level, age) for level, age in LEVELS)


def _remind(level: int, age: timedelta) -> int:
    late = {"created_at__lte": timezone.now() - age, "reminded__lt": level}
    with transaction.atomic():
        rows = Case.objects.open().filter(kind=Case.Kind.TAKEDOWN, **late)
        found = list(rows.select_for_update(skip_locked=True, of=("self",)).order_by("due_at"))
        Case.objects.filter(id__in=[case.id for case in found]).update(reminded=level)
        for case in found if level == LEVELS[0][0] else ():
            registry.audit(None, "takedown_overdue", case)
    if found:
        tell_staff(lambda: _reminder(level, found))
    return len(found)


def _reminder(level: int, cases: list[Case]) -> tuple[str, str]:
    n = len(cases)
    subjects = {
        1: ngettext("%(n)s new takedown", "%(n)s new takedowns", n),
        2: ngettext("%(n)s takedown is 24 hours old", "%(n)s takedowns are 24 hours old", n),
        3: ngettext("%(n)s takedown is due in 8 hours", "%(n)s takedowns are due in 8 hours", n),
        4: ngettext("OVERDUE: %(n)s takedown", "OVERDUE: %(n)s takedowns", n),
    }
    lines = "\n".join(f"{case.number}  {case.due_at:%Y-%m-%d %H:%M} UTC" for case in cases)
    text = _("The law gives 48 hours for each of these. Decide them here: %(where)s") % {
        "where": f"{settings.ORIGIN}{reverse('moderation_queue')}"
    }
    return subjects[level] % {"n": n}, f"{text}\n\n{lines}"


# ---------------------------------------------------------------- the outcome


def tell_outcomes() -> int:
    """Writes to the owner and to whoever filed the case, once a decision cannot be undone. Returns how many
    decisions were told."""
    stands = {"undone_at": None, "told_at": None, "at__lte": timezone.now() - UNDO}
    done = 0
    for decision in Decision.objects.filter(**stands).select_related("case")[:AT_ONCE]:
        if Decision.objects.filter(id=decision.id, told_at=None).update(told_at=timezone.now()):
            _tell(decision)
            done += 1
    return done


def _tell(decision: Decision) -> None:
    case = decision.case
    sent = 0
    if case.owner and decision.outcome == Decision.Outcome.REMOVE:
        strikes.give(case.owner, rule="removed", cause=case.number)
    for owner in _owners(case) if decision.outcome == Decision.Outcome.REMOVE else ():
        notices.tell_owner(decision, owner)
        sent += tell(owner, lambda: _to_owner(decision))
    for notice in case.notices.iterator():
        sent += _tell_reporter(decision, notice)
    registry.audit(None, "tell_outcome", case, f"{sent}")


def _owners(case: Case) -> set[Any]:
    """Of the subject and of its copies."""
    copies = case.matches.filter(state=Match.State.HIDDEN).values_list("owner", flat=True)
    return {case.owner_id, *copies} - {None}


def _tell_reporter(decision: Decision, notice: Notice) -> bool:
    """By the account. Only for a takedown also to an address that nobody proved: the law asks for it, it is
    one e-mail a notice, and nothing in it was typed by whoever filed it."""
    words = _words_for(decision, notice)
    if notice.user_id:
        notices.tell_reporter(decision, notice.user_id)
        return tell(notice.user_id, words)
    if notice.contact and decision.case.kind == Case.Kind.TAKEDOWN:
        return send(notice.contact, notice.language, words)
    return False


def _words_for(decision: Decision, notice: Notice) -> Callable[[], tuple[str, str]]:
    where = _link(decision) if notice.user_id else f"{settings.ORIGIN}{reverse('takedown')}"

    def words() -> tuple[str, str]:
        removed = decision.outcome == Decision.Outcome.REMOVE
        text = _("We removed it, with every copy that we found.") if removed else _("It stays where it is.")
        said = {"number": decision.case.number, "outcome": text, "reason": reasons(decision), "where": where}
        return _("Your case %(number)s is decided") % said, _(
            "You asked us to look at something (case %(number)s).\n\n%(outcome)s\n\n%(reason)s\n\n"
            "More about it: %(where)s"
        ) % said

    return words


def _to_owner(decision: Decision) -> tuple[str, str]:
    said = {"number": decision.case.number, "reason": reasons(decision), "where": _link(decision)}
    return _("We took something of yours down (%(number)s)") % said, _(
        "Something in your account was reported to us, and we took it down.\n\n%(reason)s\n\n"
        "If you think that this is wrong, appeal within 30 days here: %(where)s\n"
        "Without an appeal it is then deleted."
    ) % said


def reasons(decision: Decision) -> str:
    """In the reader's language, with the words of staff behind."""
    return "\n".join(filter(None, (str(decision.get_reason_display()), decision.text)))


def _link(decision: Decision) -> str:
    return f"{settings.ORIGIN}{reverse('decision', args=[decision.id])}"


# ---------------------------------------------------------------- for good


def remove_for_good() -> int:
    """Deletes what was taken down, once the time for an appeal is over. Returns how many decisions."""
    over = {"outcome": Decision.Outcome.REMOVE, "undone_at": None, "removed_at": None}
    old = Decision.objects.filter(at__lte=timezone.now() - APPEAL, case__state=Case.State.DECIDED, **over)
    done = 0
    for decision in old.select_related("case")[:AT_ONCE]:
        if decision.case.decision == decision:
            _remove(decision.case)
        done += Decision.objects.filter(id=decision.id).update(removed_at=timezone.now())
    return done


def _remove(case: Case) -> None:
    hidden = case.matches.filter(state=Match.State.HIDDEN).values_list("subject_kind", "subject_id")
    for kind, ident in [(case.subject_kind, case.subject_id), *hidden]:
        if subject := registry.subjects.get(kind):
            with suppress(NotFound):
                subject.remove(ident)
    registry.audit(None, "remove_for_good", case)
