"""What the person is told when staff answer, and staff when a person waits."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.notices.kinds import Facts, Kind, Topic, Words, register
from accounts.notices.models import Notice
from accounts.notices.services import notify
from config.runs import events
from support.tickets.models import Ticket

ANSWER = "support.answer_ticket"
ANSWERED, WAITS = "ticket_answered", "ticket_waits"


def _answered(facts: Facts) -> Words:
    return Words(_("We answered you."), _("Your conversation %(number)s has a new message.") % facts)


def _waits(facts: Facts) -> Words:
    return Words(
        _("Somebody waits for an answer."), _("The conversation %(number)s is in the queue.") % facts
    )


def _own(notice: Notice) -> str:
    return reverse("ticket", args=[notice.subject_id])


def _staffs(notice: Notice) -> str:
    return reverse("admin:support_ticket_change", args=[notice.subject_id])


register(
    Kind(ANSWERED, Topic.SUPPORT, _answered, _own, mailed=False),  # mail/sending.py sends the answer itself
    Kind(WAITS, Topic.SUPPORT, _waits, _staffs),
)


def publish(ticket: Ticket) -> None:
    """Once the transaction is committed, the pages of the person and of staff that show it are made anew."""
    if ticket.user_id:
        events.publish_live(ticket.user_id)
    for each in staff():
        events.publish_live(each.pk)


def tell_answered(ticket: Ticket) -> None:
    publish(ticket)
    if ticket.user is None:
        return  # who has no account gets the e-mail alone
    notify(ticket.user, ANSWERED, about=ticket, number=ticket.number)


def tell_staff(ticket: Ticket) -> None:
    """Who has it; all who may answer where nobody has."""
    for each in [ticket.assigned_to] if _may(ticket.assigned_to) else staff():
        if each.pk != ticket.user_id:
            notify(each, WAITS, about=ticket, number=ticket.number)


def staff() -> Any:
    """All who may answer people."""
    return ModelBackend().with_perm(ANSWER).filter(is_staff=True).order_by("email")


def _may(user: Any) -> bool:
    return bool(user and user.is_active and user.is_staff and user.has_perm(ANSWER))
