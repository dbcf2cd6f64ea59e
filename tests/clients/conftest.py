"""A site with a key for alice, and a worker beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from threading import Event, Thread
from typing import Any

import pytest
from celery import current_app
from kombu import Consumer

from accounts.developers.scopes import Scope
from accounts.developers.services import create_key

QUEUES = ("train", "render", "cpu", "io")


@pytest.fixture
def worker(all_tasks: Any, judge: Any, engine: Any) -> Iterator[None]:
    """A thread that takes what is enqueued from the broker, with the doubles of judge and engine."""
    over = Event()
    with current_app.connection_for_read() as broker:
        queues = [current_app.amqp.queues[name](broker.default_channel) for name in QUEUES]
        for queue in queues:
            queue.declare()
            queue.purge()  # what tests before have left
        thread = Thread(target=_work, args=(all_tasks, broker, queues, over))
        thread.start()
        yield
        over.set()
        thread.join()


def _work(tasks: Any, broker: Any, queues: list[Any], over: Event) -> None:
    from django.db import connection

    def take(body: Any, message: Any) -> None:
        message.ack()
        tasks[message.headers["task"]](*body[0])

    with Consumer(broker.default_channel, queues, callbacks=[take], accept=["json"]):
        while not over.is_set():
            with suppress(TimeoutError):
                broker.drain_events(timeout=0.2)
    connection.close()


@pytest.fixture
def key(consented: Any) -> str:
    """alice's, with every scope."""
    return str(create_key(consented, name="client", scopes=list(Scope))[1])
