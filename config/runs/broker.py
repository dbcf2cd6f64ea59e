"""Rings for a run: a message with its id, nothing more. A broker that is away delays work and fails no request."""

from __future__ import annotations

import logging
from typing import Any

from celery import current_app

log = logging.getLogger(__name__)


def enqueue(task: str, ident: Any, queue: str) -> bool:
    """False when the broker did not answer within a second: the sweeper rings again."""
    try:
        current_app.send_task(task, args=[str(ident)], queue=queue, ignore_result=True, retry=False)
    except Exception as e:  # kombu raises what its transport raises, of many kinds
        log.warning("no ring for %s %s: %s", task, ident, e)
        return False
    return True
