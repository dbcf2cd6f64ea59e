"""What staff do with a case: claim, look, decide, undo; and the appeal of whom it concerns.

A removal takes the subject and its copies out of sight at once. Nothing is deleted while somebody can appeal.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config import registry
from config.errors import DomainError, Invalid, NotFound
from config.runs import broker
from moderation.cases import copies
from moderation.cases.models import CLAIM, UNDO, Appeal, Case, Decision, Match
from moderation.cases.reasons import KEPT, OTHER, REMOVED
from moderation.hashes.models import BlockedHash
from moderation.standing import strikes

SHORTEST, LONGEST = 10, 150  # characters of a reason to look
TEXT = 1000  # characters of a decision's words
FIND = "moderation.find_copies"  # the task


class ReasonMissing(DomainError):
    code = "reason_missing"
    message = _("Type a reason of %(shortest)s to %(longest)s characters. It is kept in the audit log.")


class CaseTaken(DomainError):
    code, status = "case_taken", 409
    message = _("Somebody else is looking at this case. Take the next one.")


class CaseClosed(DomainError):
    code, status = "case_closed", 409
    message = _("This case is decided already.")


class TooLateToUndo(DomainError):
    code, status = "undo_expired", 409
    message = _("A decision can be undone for ten minutes. This one stands.")


class AppealTooLate(DomainError):
    code, status = "appeal_too_late", 409
    message = _("An appeal is possible for 30 days after a decision. This one is older.")


class AppealedAlready(DomainError):
    code, status = "appealed_already", 409
    message = _("You have appealed this decision already. We look at it once more.")


APPEAL_REFUSALS = (AppealTooLate, AppealedAlready)


# ---------------------------------------------------------------- claiming and looking


def claim(case: Case, *, actor: Any) -> None:
    """Keeps the case for `actor` for CLAIM. Raises CaseTaken, CaseClosed."""
    free = Q(claimed_by=None) | Q(claimed_by=actor) | Q(claimed_at__lt=Now() - CLAIM)
    if not Case.objects.open().filter(free, id=case.id).update(claimed_by=actor, claimed_at=Now()):
        raise CaseClosed if not Case.objects.open().filter(id=case.id).exists() else CaseTaken
    Case.objects.filter(id=case.id, state=Case.State.OPEN).update(state=Case.State.CLAIMED)


def next_case(*, actor: Any) -> Case | None:
    """The most urgent case that nobody else has, claimed for `actor`."""
    free = Q(claimed_by=None) | Q(claimed_by=actor) | Q(claimed_at__lt=Now() - CLAIM)
    with transaction.atomic():
        rows = Case.objects.open().filter(free, **({} if actor.is_superuser else {"escalated": False}))
        rows = rows.order_by("due_at", "-count", "created_at")
        found: Case | None = rows.select_for_update(skip_locked=True, of=("self",)).first()
        if found:
            claim(found, actor=actor)
            found.refresh_from_db()
        return found


def escalate(case: Case, *, actor: Any) -> None:
    """Leaves the case to a superuser. Raises CaseTaken, CaseClosed."""
    claim(case, actor=actor)
    Case.objects.filter(id=case.id).update(escalated=True, claimed_by=None, claimed_at=None)
    registry.audit(actor, "escalate_case", case)


def look(case: Case, *, actor: Any, reason: str) -> None:
    """Writes the audit entry of a look at what the case is about. Raises ReasonMissing."""
    reason = " ".join(reason.split())
    if not SHORTEST <= len(reason) <= LONGEST:
        raise ReasonMissing(shortest=SHORTEST, longest=LONGEST)
    registry.audit(actor, "look_case", case, reason)


# ---------------------------------------------------------------- deciding


@transaction.atomic
def decide(
    case: Case, *, actor: Any, outcome: str, reason: str, text: str = "", chosen: tuple[int, ...] = ()
) -> Decision:
    """Decides an open case. `chosen`: the matches to be looked at that are the same picture too.

    Raises Invalid, CaseTaken, CaseClosed.
    """
    _check(outcome, reason, text)
    claim(case, actor=actor)
    case = Case.objects.select_for_update().get(id=case.id)
    earlier = case.decision
    made = Decision.objects.create(case=case, outcome=outcome, reason=reason, text=text, by=actor)
    if outcome == Decision.Outcome.REMOVE:
        _hide(case, chosen)
    elif earlier and earlier.outcome == Decision.Outcome.REMOVE:  # the appeal was right
        _show(case)
    _close(case)
    registry.audit(actor, f"decide_{outcome}", case, reason)
    return made


def _check(outcome: str, reason: str, text: str) -> None:
    allowed = {"keep": KEPT | OTHER, "remove": REMOVED | OTHER}.get(outcome)
    if allowed is None:
        raise Invalid(errors={"outcome": [str(_("Choose whether it stays or is removed."))]})
    if reason not in allowed:
        raise Invalid(errors={"reason": [str(_("Choose a reason of the list."))]})
    if len(text) > TEXT or (reason in OTHER and len(text.strip()) < SHORTEST):
        raise Invalid(errors={"text": [str(_("Write the reason in 10 to 1,000 characters."))]})


def _close(case: Case) -> None:
    Case.objects.filter(id=case.id).update(state=Case.State.DECIDED, claimed_by=None, claimed_at=None)


def _hide(case: Case, chosen: tuple[int, ...]) -> None:
    """Takes the subject and its copies out of sight, and blocks the pictures for all that comes.

    Where copies were looked for before, what came since is found by a worker in seconds: looking at all
    pictures takes too long for a person who decides one case after the other.
    """
    if case.matched:
        Case.objects.filter(id=case.id).update(matched=False)
        transaction.on_commit(partial(broker.enqueue, FIND, case.id, "io"), robust=True)
    else:
        copies.find(case)
    _take_away(case, case.subject_kind, case.subject_id)
    _hide_copies(case, chosen)


@transaction.atomic
def hide_found(case: Case) -> None:
    """Hides the copies that were found after the removal, if it still stands."""
    case = Case.objects.select_for_update().get(id=case.id)
    made = case.decision
    if case.state == Case.State.DECIDED and made and made.outcome == Decision.Outcome.REMOVE:
        _hide_copies(case, ())


def _hide_copies(case: Case, chosen: tuple[int, ...]) -> None:
    same = Q(state=Match.State.SAME) | Q(state=Match.State.LOOK, id__in=chosen)
    for copy in case.matches.filter(same).select_for_update():
        _take_away(case, copy.subject_kind, copy.subject_id)
        Match.objects.filter(id=copy.id).update(state=Match.State.HIDDEN)


def _take_away(case: Case, kind: str, ident: str) -> None:
    subject = registry.subjects.get(kind)
    if subject is None:
        return
    entry = {"source": case.number, "date": timezone.now().date()}
    rows = [BlockedHash.of(bits, **entry) for bits in copies.hashes(kind, ident)]
    BlockedHash.objects.bulk_create(rows, ignore_conflicts=True)
    with suppress(NotFound):  # its owner deleted it meanwhile
        subject.hide(ident)


def _show(case: Case) -> None:
    BlockedHash.objects.filter(source=case.number).delete()
    strikes.cancel_cause(case.number)
    hidden = list(case.matches.filter(state=Match.State.HIDDEN).select_for_update())
    copies_of = [(copy.subject_kind, copy.subject_id) for copy in hidden]
    for kind, ident in sorted([(case.subject_kind, case.subject_id), *copies_of], key=_is_public):
        _restore(kind, ident)
    for copy in hidden:
        Match.objects.filter(id=copy.id).update(state=copies.state_of(copy.agreement))


def _is_public(subject: tuple[str, str]) -> bool:
    """A publication comes back only where its item is back."""
    found = registry.subjects.get(subject[0])
    return bool(found) and not found.private  # type: ignore[union-attr]


def _restore(kind: str, ident: str) -> None:
    if subject := registry.subjects.get(kind):
        with suppress(NotFound):
            subject.restore(ident)


@transaction.atomic
def undo(decision: Decision, *, actor: Any) -> None:
    """Takes a decision of the last ten minutes back, whoever made it. Raises TooLateToUndo."""
    fresh = {"undone_at": None, "told_at": None, "at__gt": timezone.now() - UNDO}
    if not Decision.objects.filter(id=decision.id, **fresh).update(undone_at=timezone.now()):
        raise TooLateToUndo
    case = Case.objects.select_for_update().get(id=decision.case_id)
    before = case.decision
    if decision.outcome == Decision.Outcome.REMOVE:
        _show(case)
    elif before and before.outcome == Decision.Outcome.REMOVE:
        _hide(case, ())
    state = Case.State.APPEALED if before else Case.State.OPEN
    Case.objects.filter(id=case.id).update(state=state)
    registry.audit(actor, "undo_decision", case, decision.reason)


# ---------------------------------------------------------------- appeals


def is_open_to_appeal(decision: Decision) -> bool:
    return decision.appeal_until > timezone.now() and decision.case.decision == decision


@transaction.atomic
def appeal(decision: Decision, *, user: Any, text: str) -> Appeal:
    """Has a case looked at once more, for the owner or a reporter. Raises AppealTooLate, AppealedAlready."""
    case = Case.objects.select_for_update().get(id=decision.case_id)
    if not is_open_to_appeal(decision):
        raise AppealTooLate
    try:
        with transaction.atomic():
            made = Appeal.objects.create(decision=decision, user=user, text=text)
    except IntegrityError:
        raise AppealedAlready from None
    Case.objects.filter(id=case.id).update(state=Case.State.APPEALED, claimed_by=None, claimed_at=None)
    registry.audit(user, "appeal", case)
    return made
