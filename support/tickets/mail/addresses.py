"""Addresses and Message-IDs of conversations. Each carries a signature, so that nobody can make one up."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.utils.crypto import salted_hmac

from support.tickets.models import Message, Ticket

SALT = "support.tickets.mail"
LENGTH = 20  # signs of a signature in hex: 80 bits
# What a mail server may do to an address is to change the case of its letters.
IN_ADDRESS = re.compile(r"\+(t[2-9a-z]{8})-([0-9a-f]{20})@")
IN_ID = re.compile(r"<(t-[2-9a-z]{8})\.[0-9a-f]{32}\.([0-9a-f]{20})@")


@dataclass(frozen=True)
class Named:
    """The number of the conversation that an e-mail names, "" for none; whether a signature was wrong."""

    number: str = ""
    forged: bool = False


def _sign(number: str) -> str:
    return salted_hmac(SALT, number, algorithm="sha256").hexdigest()[:LENGTH]


def sender() -> str:
    """From whom our e-mails come."""
    if not settings.SUPPORT_MAIL:
        return str(settings.DEFAULT_FROM_EMAIL)
    return formataddr((parseaddr(settings.DEFAULT_FROM_EMAIL)[0] or "PhotoFlux", settings.SUPPORT_MAIL))


def reply_address(ticket: Ticket) -> str:
    """Where an answer to this conversation goes; "" where no e-mail is taken in."""
    local, at, domain = settings.SUPPORT_MAIL.rpartition("@")
    number = ticket.number.lower().replace("-", "")
    return f"{local}+{number}-{_sign(ticket.number)}@{domain}" if at else ""


def message_id(message: Message) -> str:
    number = message.ticket.number
    domain = parseaddr(sender())[1].rpartition("@")[2] or settings.HOST
    return f"<{number.lower()}.{message.id.hex}.{_sign(number)}@{domain}>"


def named_in(recipients: Iterable[str], ids: Iterable[str]) -> Named:
    """`recipients` are addresses, `ids` Message-IDs that the e-mail answers. An address counts first."""
    found = [*_all(IN_ADDRESS, recipients), *_all(IN_ID, ids)]
    for number, signature in found:
        if hmac.compare_digest(_sign(number), signature):
            return Named(number)
    return Named(forged=bool(found))


def _all(pattern: re.Pattern[str], texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        for number, signature in pattern.findall(text.lower()):
            yield f"T-{number.removeprefix('t').removeprefix('-').upper()}", signature
