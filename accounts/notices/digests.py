"""E-mails of notices: one gathers all that happened in the two minutes after the first.

A notice is sent at most once: the claim is committed before the e-mail leaves. A worker that dies between
the two loses that e-mail, and the notice is still in the app. A mail server that cannot be reached is tried
again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.notices import emails, preferences
from accounts.notices.kinds import kinds
from accounts.notices.models import Notice

AGAIN = timedelta(minutes=10)  # after an e-mail that could not be sent
GIVEN_UP = timedelta(days=1)  # older notices are not sent any more


def send_due() -> int:
    """Sends the e-mails that are due; returns how many. Two workers at once send each of them once."""
    due = Notice.objects.to_mail().filter(mail_at__lte=timezone.now())
    users = due.order_by().values_list("user", flat=True).distinct()
    return sum(_send(user_id) for user_id in list(users))


def _send(user_id: Any) -> bool:
    claimed = _claim(user_id)
    wanted = [notice for notice in claimed if _is_wanted(notice)]
    if not wanted:
        return False
    sent = emails.send(wanted[0].user, wanted)
    if sent is False:
        retried = Notice.objects.filter(id__in=[notice.id for notice in wanted], created_at__gt=_oldest())
        retried.update(mail_at=timezone.now() + AGAIN)
    return bool(sent)


@transaction.atomic
def _claim(user_id: Any) -> list[Notice]:
    """All notices of a user that wait for an e-mail, if one of them is due. Rows that another worker is
    claiming are left to it: what is left for this one came later, and is not due yet."""
    waiting = Notice.objects.to_mail().filter(user=user_id).order_by("created_at", "id")
    found = list(waiting.select_for_update(of=("self",), skip_locked=True).select_related("user"))
    if not any(notice.mail_at <= timezone.now() for notice in found):
        return []
    Notice.objects.filter(id__in=[notice.id for notice in found]).update(mail_at=None)
    return found


def _is_wanted(notice: Notice) -> bool:
    """Not what was read in the app meanwhile, and not what its user switched off meanwhile."""
    kind, new = kinds.get(notice.kind), notice.read_at is None and notice.created_at > _oldest()
    return bool(kind and new and preferences.wants(notice.user, kind.topic, preferences.EMAIL))


def _oldest() -> Any:
    return timezone.now() - GIVEN_UP
