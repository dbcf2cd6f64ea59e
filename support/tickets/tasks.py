"""What runs by the clock."""

from __future__ import annotations

from celery import shared_task

from support.tickets import services
from support.tickets.mail import sending


@shared_task(name="support.tickets")
def tend() -> int:
    """Closes what was solved long ago, and sends the e-mails that are due; returns how many."""
    services.close_solved()
    return sending.send_due()
