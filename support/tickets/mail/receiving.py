"""What becomes of an e-mail that comes in. We answer none automatically, so two programs cannot go on
answering each other."""

from __future__ import annotations

import logging
from datetime import timedelta
from enum import StrEnum

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from config.errors import Malformed, Unavailable
from support.tickets import pictures, services
from support.tickets.mail.addresses import named_in
from support.tickets.mail.reading import Incoming, read
from support.tickets.models import SUBJECT, TEXT, HeldMail, Message, Ticket

log = logging.getLogger(__name__)

HOUR = timedelta(hours=1)
OF_TICKET, HELD = 20, 500  # e-mails in an hour: into one conversation, and held of all


class Verdict(StrEnum):
    TAKEN = "taken"  # into its conversation
    FOLLOWED = "followed"  # its conversation is closed: into a new one
    HELD = "held"  # for staff
    REPEATED = "repeated"  # it is here already
    AUTOMATIC = "automatic"  # a program wrote it: not kept
    DROPPED = "dropped"  # one of too many: not kept


def receive(raw: bytes) -> Verdict:
    """Raises Malformed, and Unavailable where it shall be sent again later."""
    try:
        mail = read(raw)
    except RecursionError:
        raise Malformed from None
    if mail.automatic:
        return Verdict.AUTOMATIC
    if _is_known(mail):
        return Verdict.REPEATED
    try:
        verdict = _sort(mail)
    except IntegrityError:
        if _is_known(mail):  # delivered twice at once
            return Verdict.REPEATED
        raise
    log.info("an e-mail is %s", verdict)
    return verdict


def _is_known(mail: Incoming) -> bool:
    return any(kind.objects.filter(mail_id=mail.mail_id).exists() for kind in (Message, HeldMail))


def _sort(mail: Incoming) -> Verdict:
    named = named_in(mail.recipients, mail.ids)
    found = Ticket.objects.select_related("user").filter(number=named.number).first()
    if found is None:
        return _hold(mail, HeldMail.Reason.FORGED if named.forged else HeldMail.Reason.NEW)
    if mail.sender != found.address:
        return _hold(mail, HeldMail.Reason.SENDER, found)
    if not mail.text and not mail.pictures:
        return _hold(mail, HeldMail.Reason.EMPTY, found)
    of = {"user": found.user} if found.user else {"ticket": found}
    if _count_of_hour(Message, **of, by_mail=True) >= OF_TICKET:
        return _hold_one(mail, found)
    return _take(mail, found)


def _count_of_hour(kind: type[Message] | type[HeldMail], **which: object) -> int:
    return kind._default_manager.filter(created_at__gt=timezone.now() - HOUR, **which).count()


def _take(mail: Incoming, ticket: Ticket) -> Verdict:
    photos, left_out = pictures.clean_those_that_can_be(ticket, mail.pictures)
    text, facts = _cut(mail.text, ticket), {"left_out": left_out, "by_mail": True, "mail_id": mail.mail_id}
    try:
        with transaction.atomic():
            services.write(ticket, text=text, photos=photos, **facts)
            return Verdict.TAKEN
    except services.TicketClosed:
        subject = ticket.subject[:SUBJECT]
        services.open_ticket(ticket.user, subject=subject, text=text, follows=ticket, photos=photos, **facts)
        return Verdict.FOLLOWED


def _cut(text: str, ticket: Ticket) -> str:
    if len(text) <= TEXT:
        return text
    with override(ticket.language):
        return text[:TEXT] + "\n\n" + _("[The e-mail was longer. The rest was cut off.]")


def _hold(mail: Incoming, reason: str, ticket: Ticket | None = None) -> Verdict:
    if _count_of_hour(HeldMail) >= HELD:
        raise Unavailable
    HeldMail.objects.create(
        mail_id=mail.mail_id,
        reason=reason,
        sender=mail.sender[:254],
        subject=mail.subject[:200],
        text=mail.text[:TEXT],
        ticket=ticket,
    )
    return Verdict.HELD


def _hold_one(mail: Incoming, ticket: Ticket) -> Verdict:
    """Of too many, staff see the first of each hour."""
    if _count_of_hour(HeldMail, ticket=ticket, reason=HeldMail.Reason.MANY):
        return Verdict.DROPPED
    return _hold(mail, HeldMail.Reason.MANY, ticket)
