"""What staff do with people's conversations. Each act is on the audit log, without the words."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.notices import preferences
from accounts.notices.kinds import Topic
from accounts.vault.vault import store
from config import registry
from config.errors import DomainError, Invalid
from config.runs.idempotency import create_idempotent
from support.tickets import notices
from support.tickets.models import SUBJECT, Attachment, HeldMail, Message, Ticket
from support.tickets.services import end, hash_of, locked, open_ticket, require_open

WAIT = timedelta(minutes=1)  # of an answer's e-mail: who reads it on the page meanwhile gets none
AFTER = (Ticket.Status.WAITING, Ticket.Status.SOLVED)  # what an answer may leave behind


class NoAccount(DomainError):
    code, status = "no_account", 409
    message = _("No account has this address as its proven one. Answer from your own mailbox.")


def answer(
    ticket: Ticket, *, actor: Any, text: str, status: str = Ticket.Status.WAITING, key: str | None = None
) -> Message:
    """Answers, which tells the person. `status`: waiting, or solved. Raises Invalid, TicketClosed,
    IdempotencyMismatch."""
    if not text.strip() or status not in AFTER:
        raise Invalid(errors={"text": [str(_("Write the answer first."))]})
    message = Message(ticket=ticket, user=ticket.user, author=actor, by=Message.By.STAFF, text=text.strip())
    return create_idempotent(
        message,
        endpoint=f"staff/{ticket.id}",
        key=key,
        body_hash=hash_of([text, status]),
        prepare=partial(_send, status=status),
    )


def _send(message: Message, *, status: str) -> None:
    now, row = timezone.now(), locked(message.ticket)
    require_open(row)
    wanted = row.user is None or preferences.wants(row.user, Topic.SUPPORT, preferences.EMAIL)
    message.ticket, message.created_at = row, now
    message.mail_at = now + WAIT if wanted else None
    message.save(force_insert=True)
    row.status, row.waiting_since, row.updated_at = status, None, now
    row.ended_at = now if status == Ticket.Status.SOLVED else None
    row.answered_at = row.answered_at or now
    row.assigned_to = row.assigned_to or message.author
    row.save()
    notices.tell_answered(row)
    registry.audit(message.author, "answer_ticket", row, status)


@transaction.atomic
def note(ticket: Ticket, *, actor: Any, text: str) -> Message:
    """Words that staff alone read. Raises Invalid."""
    if not text.strip():
        raise Invalid(errors={"text": [str(_("Write the note first."))]})
    registry.audit(actor, "note_ticket", ticket)
    notices.publish(ticket)
    return Message.objects.create(
        ticket=ticket, user=ticket.user, author=actor, by=Message.By.NOTE, text=text.strip()
    )


@transaction.atomic
def assign(ticket: Ticket, *, actor: Any, to: str) -> Ticket:
    """`to` is the id of somebody who may answer; "" for nobody. Raises Invalid."""
    row = locked(ticket)
    chosen = next((each for each in notices.staff() if str(each.pk) == to), None)
    if to and chosen is None:
        raise Invalid(errors={"to": [str(_("Choose somebody who may answer."))]})
    if row.assigned_to != chosen:
        row.assigned_to = chosen
        row.save(update_fields=["assigned_to"])
        notices.publish(row)
        registry.audit(actor, "assign_ticket", row, str(chosen.pk) if chosen else "")
    return row


@transaction.atomic
def change_status(ticket: Ticket, *, actor: Any, status: str) -> Ticket:
    """Opens, solves or closes it without an answer. Raises Invalid."""
    if status not in Ticket.Status.values:
        raise Invalid(errors={"status": [str(_("Choose a status."))]})
    row = locked(ticket)
    if row.status == status:
        return row
    if status in (Ticket.Status.SOLVED, Ticket.Status.CLOSED):
        end(row, status)
    else:
        row.status, row.ended_at, row.waiting_since = status, None, None
        row.save()
        notices.publish(row)
    registry.audit(actor, "change_ticket", row, status)
    return row


@transaction.atomic
def look(ticket: Ticket, *, actor: Any, number: Any) -> bytes:
    """A picture that the person attached, for staff. Raises NotFound."""
    ident = ticket.attachments.filter(number=number).values_list("id", flat=True).first()
    row: Attachment = Attachment.objects.filter(ticket=ticket).get_or_404(ident)
    registry.audit(actor, "look_attachment", row, ticket.number)
    return store(row.user_id).read(row.content)


def open_from_held(mail: HeldMail, *, actor: Any) -> Ticket:
    """Opens a conversation of the person whose proven address sent a held e-mail. Raises NoAccount."""
    proven = {"emailaddress__verified": True, "emailaddress__primary": True}
    found = User.objects.filter(emailaddress__email=mail.sender, is_active=True, **proven).first()
    if found is None:
        raise NoAccount
    with transaction.atomic():
        subject = (mail.subject or str(_("Your e-mail")))[:SUBJECT]
        made = open_ticket(found, subject=subject, text=mail.text, by_mail=True, mail_id=mail.mail_id)
        registry.audit(actor, "open_held_mail", made)
        mail.delete()
    return made


def live(user: Any) -> dict[str, Any] | None:
    """What the event stream says to staff who may answer: when something changed last, and how many wait."""
    if not (user.is_staff and user.has_perm(notices.ANSWER)):
        return None
    said = Message.objects.order_by("-created_at").values_list("created_at", flat=True).first()
    at = Ticket.objects.order_by().aggregate(at=Max("updated_at"))["at"]
    return {"at": max(filter(None, (said, at)), default=None), "waiting": Ticket.objects.waiting().count()}


def figures() -> dict[str, Any]:
    """How many wait, how many too long, and the median of the first answers of the last 30 days."""
    recent = Ticket.objects.filter(answered_at__gt=timezone.now() - timedelta(days=30)).order_by()
    taken = sorted(recent.annotate(took=F("answered_at") - F("created_at")).values_list("took", flat=True))
    waiting = list(Ticket.objects.waiting())
    return {
        "waiting": len(waiting),
        "late": sum(ticket.is_late for ticket in waiting),
        "answered": len(taken),
        "median": taken[len(taken) // 2] if taken else None,
    }
