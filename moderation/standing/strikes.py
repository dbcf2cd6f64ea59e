"""Gives strikes: for refusals that repeat, for what was taken down, and by staff."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from accounts.notices.services import notify
from accounts.standing.models import Suspension
from config import registry
from moderation.models import AuditEntry
from moderation.standing import suspending
from moderation.standing.models import Strike
from moderation.standing.rules import LIMIT, RULES, STEPS, WINDOW

WORDS, PICTURE = ("prompt_refused", "words_refused"), "picture_blocked"  # verbs of the audit log
LISTED = "listed_picture"


def count_refusal(user_id: Any, rule: str) -> None:
    """Gives a strike where the refusals of this rule, which the audit log has, repeat."""
    if rule not in RULES:
        return
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).filter(id=user_id).first()
        if user is not None and _refusals(user, rule) >= RULES[rule].after:
            give(user, rule=rule)


def _refusals(user: User, rule: str) -> int:
    """Those of WINDOW that no strike stands for yet."""
    last = Strike.objects.filter(user=user, rule=rule).values_list("at", flat=True).first()
    since = timezone.now() - WINDOW
    what = Q(verb=PICTURE) if rule == LISTED else Q(verb__in=WORDS, detail=rule)
    return AuditEntry.objects.filter(what, actor=user, at__gt=max(since, last or since)).count()


@transaction.atomic
def give(user: Any, *, rule: str, cause: str = "", text: str = "", actor: Any = None) -> Strike | None:
    """A strike, and the suspension that follows from it. A second one for the same `cause` changes nothing;
    staff get none."""
    user = User.objects.select_for_update(no_key=True).get(id=user.pk)
    if user.is_staff or user.is_superuser:
        return None
    if cause and (earlier := Strike.objects.filter(user=user, cause=cause).first()):
        return earlier  # type: ignore[no-any-return]
    until = timezone.now() + RULES[rule].kept
    made = Strike.objects.create(user=user, rule=rule, cause=cause, text=text, by=actor, expires_at=until)
    registry.audit(actor, "strike", user, rule)
    live = Strike.objects.filter(user=user).counting().count()
    notify(user, "strike", about=made, rule=rule, strikes=live, limit=LIMIT)
    if live >= LIMIT and not Suspension.objects.filter(user=user).in_force().exists():
        _suspend(user)
    return made


def _suspend(user: User) -> None:
    """One that was lifted was a mistake, and does not make the next one longer."""
    stood = Suspension.objects.filter(reason=Suspension.Reason.STRIKES, lifted_at=None)
    before = stood.filter(user=user).count()
    step = STEPS[min(before, len(STEPS) - 1)]
    until = timezone.now() + step if step else None
    suspending.suspend(user, actor=None, reason=Suspension.Reason.STRIKES, until=until)


@transaction.atomic
def cancel(strike: Strike, *, actor: Any) -> None:
    """From now on it does not count. A second call changes nothing."""
    if Strike.objects.filter(id=strike.id, cancelled_at=None).update(cancelled_at=timezone.now()):
        registry.audit(actor, "cancel_strike", strike.user, strike.rule)


def cancel_cause(cause: str) -> None:
    """What was taken down is back: it was no fault."""
    Strike.objects.filter(cause=cause, cancelled_at=None).update(cancelled_at=timezone.now())
