"""Suspends accounts, lifts suspensions, and takes appeals against them and their answers.

What runs ends at once; what was delivered of it is paid, all other credits are back.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.emails import tell
from accounts.models import User
from accounts.standing.models import Suspension
from billing import ledger
from billing.runs import paid_kinds
from config import registry
from config.errors import DomainError, Invalid, NotFound
from config.runs.sentences import SENTENCES
from config.runs.states import OPEN, Status

SHORTEST, LONGEST = 10, 1000  # characters of staff's words
LENGTHS = {"1d": 1, "7d": 7, "30d": 30, "good": None}  # days


class StaffNotSuspended(DomainError):
    code, status = "staff_account", 403
    message = gettext_lazy("An account of staff is not suspended. Take its rights away first.")


class SuspendedAlready(DomainError):
    code, status = "suspended_already", 409
    message = gettext_lazy("This account is suspended already. Lift that first, or leave it.")


class NotSuspended(DomainError):
    code, status = "not_suspended", 409
    message = gettext_lazy("This account is not suspended, so there is nothing to lift or to appeal.")


class AppealedBefore(DomainError):
    code, status = "appealed_already", 409
    message = gettext_lazy("You have appealed this already. A person looks at it, and we write to you.")


# ---------------------------------------------------------------- staff


@transaction.atomic
def suspend(
    user: Any, *, actor: Any, reason: str, text: str = "", until: datetime | None = None
) -> Suspension:
    """Suspends an account, for good where `until` is None. `actor` None: it follows from strikes.

    Raises Invalid, StaffNotSuspended, SuspendedAlready.
    """
    user = User.objects.select_for_update(no_key=True).get(id=user.pk)
    if user.is_staff or user.is_superuser:
        raise StaffNotSuspended
    if actor is not None:
        _check(reason, text)
    ledger.locked_wallet(user)  # a run that is being asked for comes before or after this, never beside it
    if Suspension.objects.filter(user=user).in_force().exists():
        raise SuspendedAlready
    made = Suspension.objects.create(user=user, reason=reason, text=text.strip(), by=actor, until=until)
    registry.audit(actor, "suspend", user, f"{reason} {until.isoformat() if until else 'for good'}")
    transaction.on_commit(partial(stop_runs, user.pk), robust=True)
    transaction.on_commit(partial(tell, user.pk, partial(_told, made)), robust=True)
    return made


def _check(reason: str, text: str) -> None:
    if reason not in Suspension.Reason.values or reason == Suspension.Reason.STRIKES:
        raise Invalid(errors={"reason": [_("Choose a reason of the list.")]})
    check_words(text)


def check_words(text: str) -> None:
    if not SHORTEST <= len(text.strip()) <= LONGEST:
        raise Invalid(errors={"text": [_("Write the reason in 10 to 1,000 characters.")]})


def stop_runs(user_id: Any) -> None:
    """Each in its own transaction, as a run that ends locks its row and then the wallet."""
    end = {"error_code": "account_suspended", "error_detail": str(SENTENCES["account_suspended"])}
    for kind in paid_kinds():
        for run in kind.objects.filter(user=user_id, status__in=OPEN):
            run.end_at_once(*OPEN, status=Status.FAILED, **end)


@transaction.atomic
def lift(suspension: Suspension, *, actor: Any, text: str) -> None:
    """Ends it now. It answers an appeal too. Raises Invalid, NotSuspended for one that is over."""
    check_words(text)
    now = timezone.now()
    answered = {"answered_at": now} if suspension.appealed_at else {}
    rows = Suspension.objects.filter(id=suspension.id).in_force()
    if not rows.update(lifted_at=now, answer=text.strip(), **answered):
        raise NotSuspended
    registry.audit(actor, "lift_suspension", suspension.user, text)
    transaction.on_commit(partial(tell, suspension.user_id, _lifted), robust=True)


@transaction.atomic
def refuse_appeal(suspension: Suspension, *, actor: Any, text: str) -> None:
    """The suspension stays. Raises Invalid, NotSuspended where no appeal waits."""
    check_words(text)
    rows = Suspension.objects.filter(id=suspension.id).appealed().in_force()
    if not rows.update(answered_at=timezone.now(), answer=text.strip()):
        raise NotSuspended
    registry.audit(actor, "refuse_appeal", suspension.user, text)
    transaction.on_commit(partial(tell, suspension.user_id, partial(_stays, text.strip())), robust=True)


# ---------------------------------------------------------------- the person


@transaction.atomic
def appeal(user: Any, *, text: str) -> Suspension:
    """One appeal against the suspension in force. Raises NotSuspended, AppealedBefore."""
    rows = Suspension.objects.owned_by(user).in_force().select_for_update()
    found: Suspension | None = rows.first()
    if found is None:
        raise NotSuspended
    if found.appealed_at:
        raise AppealedBefore
    found.appeal, found.appealed_at = text.strip(), timezone.now()
    found.save(update_fields=["appeal", "appealed_at"])
    registry.audit(user, "appeal_suspension", user)
    return found


def of(user: Any, ident: Any) -> Suspension:
    """Raises NotFound."""
    found: Suspension | None = Suspension.objects.filter(user=user, id=ident).first()
    if found is None:
        raise NotFound
    return found


# ---------------------------------------------------------------- e-mails


def where() -> str:
    return f"{settings.ORIGIN}{reverse('standing')}"


def ends(suspension: Suspension) -> str:
    """In the reader's language and zone."""
    if suspension.until is None:
        return _("It has no end.")
    until = formats.date_format(timezone.localtime(suspension.until), "DATETIME_FORMAT")
    return _("It ends on %(until)s.") % {"until": until}


def _told(made: Suspension) -> tuple[str, str]:
    said = {
        "reason": "\n".join(filter(None, (str(made.get_reason_display()), made.text))),
        "end": ends(made),
        "where": where(),
    }
    return _("Your account is suspended"), _(
        "Your account is suspended. %(end)s\n\n%(reason)s\n\nWhat was under way has ended; credits for what"
        " was not delivered are back. You can still log in, read, download and erase everything.\n\n"
        "If you think that this is wrong, appeal here: %(where)s"
    ) % said


def _lifted() -> tuple[str, str]:
    return _("Your account is open again"), _(
        "We lifted the suspension of your account. You can use everything again."
    )


def _stays(text: str) -> tuple[str, str]:
    said = {"text": text, "where": where()}
    return _("We looked at your appeal"), _(
        "A person looked at your appeal. The suspension of your account stays.\n\n%(text)s\n\n%(where)s"
    ) % said
