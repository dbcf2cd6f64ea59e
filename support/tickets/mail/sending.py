"""Staff's answers by e-mail. Each is sent at most once, and not to who has read it on the page meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from accounts.emails import send_quietly
from accounts.notices import preferences
from accounts.notices.kinds import Topic
from accounts.notices.models import Notice
from support.tickets import guests
from support.tickets.mail import addresses
from support.tickets.models import Message
from support.tickets.notices import ANSWERED

AGAIN = timedelta(minutes=10)  # after an e-mail that could not be sent
GIVEN_UP = timedelta(days=1)
THREAD = 10  # Message-IDs in References


def send_due() -> int:
    """Sends the answers that are due; returns how many. Two workers at once send each of them once."""
    due = Message.objects.to_mail().filter(mail_at__lte=timezone.now()).order_by("created_at", "id")
    return sum(map(_send, list(due.select_related("ticket__user", "user")[:200])))


def _send(message: Message) -> bool:
    claimed = Message.objects.filter(id=message.id, mail_at=message.mail_at).update(mail_at=None)
    address = message.ticket.address
    if not claimed or not address or not _is_wanted(message):
        return False
    if send_quietly(composed(message, address)):
        return True
    if message.created_at > timezone.now() - GIVEN_UP:
        Message.objects.filter(id=message.id).update(mail_at=timezone.now() + AGAIN)
    return False


def _is_wanted(message: Message) -> bool:
    if message.user is None:
        return True
    unread = Notice.objects.filter(
        user=message.user_id, kind=ANSWERED, subject_id=message.ticket_id, read_at=None
    )
    return unread.exists() and preferences.wants(message.user, Topic.SUPPORT, preferences.EMAIL)


def composed(message: Message, to: str) -> EmailMessage:
    """In the person's language. All links come from ORIGIN."""
    ticket, reply = message.ticket, addresses.reply_address(message.ticket)
    facts = {
        "text": message.text,
        "number": ticket.number,
        "by_mail": bool(reply),
        "url": guests.url_of(ticket)
        if ticket.user is None
        else f"{settings.ORIGIN}{reverse('ticket', args=[ticket.id])}",
        "preferences": f"{settings.ORIGIN}{reverse('notice_preferences')}" if ticket.user else "",
    }
    with override(ticket.spoken or settings.LANGUAGE_CODE):
        text = render_to_string("support/tickets/mail.txt", facts)
    subject = f"Re: {ticket.subject} [{ticket.number}]"
    return EmailMessage(
        subject,
        text,
        addresses.sender(),
        [to],
        reply_to=[reply] if reply else None,
        headers=_headers(message),
    )


def _headers(message: Message) -> dict[str, str]:
    """`Auto-Submitted` keeps programs from answering."""
    before = [_id_of(each) for each in _mails_before(message)]
    thread = {"In-Reply-To": before[-1], "References": " ".join(before[-THREAD:])} if before else {}
    found: dict[str, Any] = {"Message-ID": addresses.message_id(message), **thread}
    return found | {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


def _mails_before(message: Message) -> list[Message]:
    earlier = message.ticket.messages.shown().filter(created_at__lt=message.created_at)
    return [each for each in earlier if each.by == Message.By.STAFF or each.mail_id]


def _id_of(message: Message) -> str:
    return message.mail_id or addresses.message_id(message)
