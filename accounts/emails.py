"""E-mails that tell people about their own account."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from accounts.models import User
from accounts.zones import seen_from
from config.errors import DomainError


class EmailUnconfirmed(DomainError):
    code, status = "email_unconfirmed", 403
    message = gettext_lazy("Confirm your e-mail address first. We can send you the link again.")


def is_confirmed(user: Any) -> bool:
    """Whether the user proved an e-mail address or a phone number. The operator, who makes superusers, needs
    no proof."""
    return user.is_superuser or user.phone is not None or user.proven_address is not None


def require_confirmed(user: Any) -> None:
    """Work costs us before it earns: one person gets one free start, not one for each invented address.

    Raises EmailUnconfirmed.
    """
    if not is_confirmed(user):
        raise EmailUnconfirmed


log = logging.getLogger(__name__)

Words = Callable[[], tuple[str, str]]  # returns subject and text; called with the reader's language active


def tell(user_id: Any, words: Words) -> bool:
    """Sends `words()` at once, whatever the user chose: about payments. Returns whether it was sent. What
    people choose is in accounts/notices.

    An address that its owner did not prove may be a stranger's, and gets nothing. An e-mail that cannot be
    sent is logged and raises nothing, so that the caller's work goes on.
    """
    user = User.objects.filter(id=user_id, is_active=True).first()
    address = user.proven_address if user else None
    if user is None or not address:
        return False
    with seen_from(user.zone):
        return send(address, user.language, words)


def tell_staff(words: Words) -> int:
    """Sends `words()` to every superuser: the operator's own accounts. Returns how many were sent."""
    found = User.objects.filter(is_active=True, is_superuser=True).exclude(email="")
    return sum(send(user.email, user.language, words) for user in found)


def send_receipt(address: str, language: str, number: Any) -> bool:
    """Confirms an erasure to the account's former address. Returns whether the e-mail was sent."""

    def words() -> tuple[str, str]:
        text = _(
            "Your account and everything in it has been erased: "
            "your photos, twins, pictures and settings.\n\n"
            "What the law makes us keep of payments stays under a number that names nobody.\n\n"
            "Receipt: %(number)s"
        )
        return _("Your account has been erased"), text % {"number": number}

    return send(address, language, words)


def send(address: str, language: str, words: Words) -> bool:
    with override(language or settings.LANGUAGE_CODE):
        subject, text = (str(part) for part in words())
    return send_quietly(EmailMessage(subject, text, None, [address]))


def send_quietly(message: EmailMessage) -> bool:
    """Returns whether it was sent. An error is logged, and names no address."""
    try:
        return bool(message.send())
    except OSError:  # includes the errors of smtplib
        log.exception("no e-mail “%s”", message.subject)
        return False
