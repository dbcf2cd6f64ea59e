"""The task that sends webhooks."""

from __future__ import annotations

from celery import shared_task

from accounts.developers import dispatch
from accounts.developers.webhooks import TASK


@shared_task(name=TASK)
def deliver(_ident: str = "") -> int:
    """Sends the deliveries that are due; returns how many."""
    return dispatch.deliver()
