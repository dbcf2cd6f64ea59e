"""Conversations of people without an account.

What they write waits until they open the link in our e-mail, which proves the address; staff see nothing
before. Our answer to the form is always the same, whether or not an account has the address. Then a signed
link is their page: whoever has it reads and writes there, as whoever has the mailbox does.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts import emails, retention
from config.errors import NotFound, RateLimited
from support.tickets import services
from support.tickets.models import SUBJECT, Enquiry, Message, Ticket

SALT, PAGE = "enquiry", "guest-ticket"
MAILS, MOST = 3, 10  # a day, to one address: e-mails, and messages that are kept
DAY = timedelta(days=1)


def ask(*, name: str, email: str, subject: str, text: str, page: str = "", browser: str = "") -> Enquiry:
    """Keeps the message and sends the link. Raises RateLimited."""
    of_day = Enquiry.objects.filter(email=email, created_at__gt=timezone.now() - DAY)
    if of_day.count() >= MOST:
        raise RateLimited
    made = Enquiry.objects.create(
        name=name,
        email=email,
        subject=subject.strip()[:SUBJECT],
        text=text,
        page=services.pattern_of(page),
        browser=services.printable(browser)[:200],
        language=(get_language() or settings.LANGUAGE_CODE)[:10],
    )
    if of_day.filter(mailed_at__isnull=False).count() < MAILS:
        _send_link(made)
    return made


def _send_link(made: Enquiry) -> None:
    """The e-mail holds nothing that somebody typed: it may go to a stranger."""

    def words() -> tuple[str, str]:
        text = _(
            "Somebody wrote to us and gave this address for the answer.\n\n"
            "If it was you, open this link and send your message: %(link)s\n\n"
            "If it was not you, do nothing: nobody reads it without the link. It works for %(time)s."
        )
        facts = {"link": link_of(made), "time": retention.RULES["enquiries"].time}
        return _("Send your message to us"), text % facts

    if emails.send(made.email, made.language, words):
        Enquiry.objects.filter(id=made.id).update(mailed_at=timezone.now())


def link_of(made: Enquiry) -> str:
    return f"{settings.ORIGIN}{reverse('guest_confirm', args=[signing.dumps(made.id.hex, salt=SALT)])}"


def url_of(ticket: Ticket) -> str:
    return f"{settings.ORIGIN}{reverse('guest_ticket', args=[token_of(ticket)])}"


def token_of(ticket: Ticket) -> str:
    return signing.dumps(ticket.id.hex, salt=PAGE)


def of_link(token: str) -> Enquiry | Ticket:
    """What the link in the e-mail stands for: the ticket once it is one. Raises NotFound."""
    ident = _read(token, SALT, max_age=retention.kept("enquiries"))
    return Enquiry.objects.filter(id=ident).first() or _ticket(ident)


def of_page(token: str) -> Ticket:
    """Raises NotFound."""
    return _ticket(_read(token, PAGE))


def _ticket(ident: str) -> Ticket:
    found: Ticket = Ticket.objects.filter(user=None).get_or_404(ident)
    return found


def _read(token: str, salt: str, **age: Any) -> str:
    try:
        return str(signing.loads(token, salt=salt, **age))
    except signing.BadSignature:
        raise NotFound from None


@transaction.atomic
def confirm(token: str) -> Ticket:
    """Whoever has the link has the mailbox: the message becomes a conversation. A second call finds it.
    Raises NotFound."""
    ident = _read(token, SALT, max_age=retention.kept("enquiries"))
    made = Enquiry.objects.select_for_update().filter(id=ident).first()
    if made is None:
        return _ticket(ident)
    same = {name: getattr(made, name) for name in ("id", "subject", "page", "browser", "language")}
    who = {"guest_name": made.name, "guest_email": made.email}
    ticket = Ticket(**same, **who, release=settings.RELEASE[:60])
    services.keep(Message(ticket=ticket, by=Message.By.PERSON, text=made.text))
    made.delete()
    return ticket
