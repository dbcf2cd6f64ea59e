"""Wake-ups: messages that name a run. A broker that is down delays work; it loses none and fails no
request."""

from __future__ import annotations

import logging
from typing import Any

from celery import current_app

log = logging.getLogger(__name__)


def enqueue(task: str, ident: Any, queue: str) -> bool:
    """Send a wake-up. False when the broker did not answer within a second; the sweeper sends another."""
    try:
        current_app.send_task(task, args=[str(ident)], queue=queue, ignore_result=True, retry=False)
    except Exception as e:  # kombu raises whatever its transport raises
        log.warning("no wake-up for %s %s: %s", task, ident, e)
        return False
    return True
