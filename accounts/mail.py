"""Mails that tell people of their own things."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.core.mail import send_mail
from django.utils.translation import override

from accounts.models import User

log = logging.getLogger(__name__)


def tell(user_id: Any, notice: str, words: Callable[[], tuple[str, str]]) -> bool:
    """Whether a mail of `words()` (subject and text, said in their language) went out; not to who switched that `notice` off.

    A mail that cannot be sent is logged and never keeps from being what it tells of.
    """
    user = User.objects.filter(id=user_id, is_active=True, email__isnull=False).first()
    if user is None or user.email is None or not user.notifications.get(notice, True):
        return False
    with override(user.language):
        subject, text = (str(part) for part in words())
    try:
        return bool(send_mail(subject, text, None, [user.email]))
    except OSError:  # smtplib's errors are among them
        log.exception("no mail to %s", user_id)
        return False
