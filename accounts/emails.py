"""E-mails that tell people about their own account and work."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.core.mail import send_mail
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.models import User
from accounts.zones import seen_from

log = logging.getLogger(__name__)

Words = Callable[[], tuple[str, str]]  # returns subject and text; called with the reader's language active


def tell(user_id: Any, notice: str, words: Words) -> bool:
    """Sends `words()` unless the user switched this `notice` off. Returns whether it was sent.

    An e-mail that cannot be sent is logged and raises nothing, so that the caller's work goes on.
    """
    user = User.objects.filter(id=user_id, is_active=True, email__isnull=False).first()
    if user is None or user.email is None or not user.notifications.get(notice, True):
        return False
    with seen_from(user.zone):
        return _send(user.email, user.language, words, f"user {user_id}")


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

    return _send(address, language, words, f"erasure {number}")


def _send(address: str, language: str, words: Words, about: str) -> bool:
    with override(language):
        subject, text = (str(part) for part in words())
    try:
        return bool(send_mail(subject, text, None, [address]))
    except OSError:  # includes the errors of smtplib
        log.exception("no e-mail about %s", about)
        return False
