"""The tasks that send notices."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from accounts.notices import digests, push
from accounts.notices.models import Notice
from config.runs import broker

PUSH = "accounts.push"


@shared_task(name="accounts.notices")
def send_notices() -> int:
    """Sends the e-mails that are due, and wakes a worker for each notice whose wake-up was lost or that is
    tried again; returns how many e-mails."""
    due = Notice.objects.filter(push_at__lte=timezone.now()).order_by("push_at")
    for ident in due.values_list("id", flat=True)[:500]:
        broker.enqueue(PUSH, ident, "io")
    return digests.send_due()


@shared_task(name=PUSH)
def push_notice(ident: str) -> None:
    push.send_due(ident)
