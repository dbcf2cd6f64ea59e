"""Wake-ups: messages that name a run. A broker that is down delays work; no work is lost and no request
fails."""

from __future__ import annotations

import logging
from typing import Any

from celery import current_app
from kombu.pools import producers

from config import logs, traces

log = logging.getLogger(__name__)

TIMEOUT = 1.0  # seconds to wait until the broker takes a message


def enqueue(task: str, ident: Any, queue: str) -> bool:
    """Send a wake-up. False when the broker does not answer within a second; the sweeper sends another."""
    connection = current_app.connection_for_write(transport_options={"socket_timeout": TIMEOUT})
    try:
        with producers[connection].acquire(block=True) as producer:
            # Declare the queue each time: a Redis that lost its data drops messages to unknown queues.
            producer.connection.declared_entities.clear()
            current_app.send_task(
                task,
                args=[str(ident)],
                queue=queue,
                headers={"request_id": logs.request_id(), "traceparent": traces.header()},
                ignore_result=True,
                retry=False,
                producer=producer,
            )
    except Exception as e:  # kombu raises whatever its transport raises
        log.warning("no wake-up for %s %s: %s", task, ident, e)
        return False
    return True
