"""What people do with their conversations. answering.py is staff's side."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts import retention
from config.errors import DomainError, IdempotencyMismatch, Invalid
from config.runs.idempotency import KEPT, create_idempotent
from ml.media import CleanPhoto
from support.feedback.services import name_of
from support.tickets import notices, pictures
from support.tickets.models import SUBJECT, Enquiry, HeldMail, Message, Ticket

SOLVED_FOR = timedelta(days=14)  # then a solved conversation is closed


class TicketClosed(DomainError):
    code, status = "ticket_closed", 409
    message = _("This conversation is closed. Begin a new one and name its number: %(number)s.")


def open_ticket(
    user: Any,
    *,
    subject: str,
    text: str,
    page: str = "",
    browser: str = "",
    files: Sequence[bytes] = (),
    photos: Sequence[CleanPhoto] = (),
    follows: Ticket | None = None,
    key: str | None = None,
    **mail: Any,
) -> Ticket:
    """`user` None: the guest of `follows`. `page`: the path from which it is opened. `follows`: a closed one
    that this goes on from. `photos` are
    files that are clean already, and `mail` columns of a message that came by e-mail.

    Raises Invalid, TooManyAttachments, FileTooLarge, AttachmentRefused, PictureBlocked, StorageFull,
    IdempotencyMismatch.
    """
    ticket = Ticket(
        user=user,
        guest_name=follows.guest_name if follows else "",
        guest_email=follows.guest_email if follows else "",
        subject=subject.strip()[:SUBJECT],
        follows=follows,
        page=pattern_of(page),
        browser=printable(browser)[:200],
        release=settings.RELEASE[:60],
        language=((user.language if user else follows and follows.language) or get_language() or "")[:10],
    )
    message = Message(ticket=ticket, user=user, by=Message.By.PERSON, text=text, **mail)
    said = [subject, text, page, str(follows or "")]
    return _say(message, "tickets", said, files=files, photos=photos, key=key).ticket


def write(
    ticket: Ticket,
    *,
    text: str,
    files: Sequence[bytes] = (),
    photos: Sequence[CleanPhoto] = (),
    key: str | None = None,
    **mail: Any,
) -> Message:
    """The person writes. It is open again, also where it was solved.

    Raises TicketClosed, and what open_ticket raises.
    """
    message = Message(ticket=ticket, user=ticket.user, by=Message.By.PERSON, text=text, **mail)
    return _say(message, f"tickets/{ticket.id}", [text], files=files, photos=photos, key=key)


def _say(
    message: Message,
    endpoint: str,
    said: list[str],
    *,
    files: Sequence[bytes],
    photos: Sequence[CleanPhoto],
    key: str | None,
) -> Message:
    if not (message.text or files or photos or message.left_out):
        raise Invalid(errors={"text": [str(_("Write something, or attach a picture."))]})
    found = list(photos)
    return create_idempotent(
        message,
        endpoint=endpoint,
        key=key,
        body_hash=hash_of(said, files),
        check=lambda: found.extend(pictures.clean(message.user_id, files)),
        prepare=partial(keep, photos=found),
    )


def hash_of(said: list[str], files: Sequence[bytes] = ()) -> str:
    """The hash of a request's body, for idempotency."""
    parts = [*said, *(hashlib.sha256(data).hexdigest() for data in files)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def keep(message: Message, *, photos: Sequence[CleanPhoto] = ()) -> None:
    """Saves a person's message, with its ticket where that is new. Raises TicketClosed, TooManyAttachments,
    StorageFull."""
    if message.ticket._state.adding:
        message.ticket.save()
    else:
        message.ticket = locked(message.ticket)
        require_open(message.ticket)
        _require_new(message)
    message.created_at = timezone.now()
    message.save(force_insert=True)
    pictures.attach(message, photos)
    _wait(message.ticket, message)


def _require_new(message: Message) -> None:
    """Under the ticket's lock; the constraint of keys does not hold for guests. Raises
    IdempotencyMismatch."""
    same = {"endpoint": message.endpoint, "idempotency_key": message.idempotency_key}
    if message.idempotency_key and message.user is None and message.ticket.messages.filter(**same).exists():
        raise IdempotencyMismatch


def locked(ticket: Ticket) -> Ticket:
    """The row as it stands, until the transaction's end nobody else's to change."""
    return Ticket.objects.select_for_update(of=("self",)).select_related("user").get(pk=ticket.pk)


def require_open(ticket: Ticket) -> None:
    """Raises TicketClosed."""
    if ticket.is_closed:
        raise TicketClosed(number=ticket.number)


def _wait(ticket: Ticket, message: Message) -> None:
    """Staff are told once, however much the person writes until the answer."""
    first = ticket.waiting_since is None
    ticket.status, ticket.ended_at = Ticket.Status.OPEN, None
    ticket.updated_at = message.created_at
    ticket.waiting_since = ticket.waiting_since or message.created_at
    ticket.save()
    if first:
        notices.tell_staff(ticket)
    notices.publish(ticket)


@transaction.atomic
def solve(ticket: Ticket) -> Ticket:
    """The person says that it is solved. A second call changes nothing. Raises TicketClosed."""
    row = locked(ticket)
    require_open(row)
    if row.status != Ticket.Status.SOLVED:
        end(row, Ticket.Status.SOLVED)
    return row


def end(row: Ticket, status: str) -> None:
    """Solves or closes a locked row."""
    row.status, row.waiting_since = status, None
    row.ended_at = row.updated_at = timezone.now()
    row.save()
    notices.publish(row)


def live(user: Any) -> dict[str, Any]:
    """What the event stream says: when the newest message came, and how many wait for the person."""
    waits = Count("id", filter=Q(status=Ticket.Status.WAITING))
    return Ticket.objects.owned_by(user).order_by().aggregate(at=Max("updated_at"), waiting=waits)


def pattern_of(page: str) -> str:
    return name_of(page)[:200] if page else ""


def printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable())


# ---------------------------------------------------------------- by the clock


def close_solved() -> int:
    """Closes what was solved long ago; returns how many."""
    old = Ticket.objects.filter(
        status=Ticket.Status.SOLVED, ended_at__lt=timezone.now() - SOLVED_FOR
    ).values_list("id", flat=True)
    return Ticket.objects.filter(id__in=list(old[:500]), status=Ticket.Status.SOLVED).update(
        status=Ticket.Status.CLOSED, ended_at=timezone.now()
    )


def forget_closed() -> int:
    """The rule `tickets` of accounts/retention.py."""
    old = timezone.now() - retention.kept("tickets")
    return Ticket.objects.filter(status=Ticket.Status.CLOSED, ended_at__lt=old).remove()


def forget_held() -> int:
    """The rule `held_mails` of accounts/retention.py."""
    old = timezone.now() - retention.kept("held_mails")
    return HeldMail.objects.filter(created_at__lt=old).delete()[0]


def forget_enquiries() -> int:
    """The rule `enquiries` of accounts/retention.py."""
    old = timezone.now() - retention.kept("enquiries")
    return Enquiry.objects.filter(created_at__lt=old).delete()[0]


def forget_keys() -> int:
    """The rule `keys`: of messages."""
    old = Message.objects.filter(idempotency_key__isnull=False, created_at__lt=timezone.now() - KEPT)
    return old.update(idempotency_key=None)
