"""A site with a key for alice, and a worker beside it."""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread
from typing import Any

import pytest

from accounts.developers.scopes import Scope
from accounts.developers.services import create_key


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, all_tasks: Any, judge: Any, engine: Any) -> Iterator[None]:
    """A thread that carries out what is enqueued, with the doubles of judge and engine."""
    from django.db import connection

    from config.runs import broker

    jobs: SimpleQueue[tuple[str, str] | None] = SimpleQueue()
    monkeypatch.setattr(broker, "enqueue", lambda task, ident, queue: jobs.put((task, str(ident))) or True)

    def work() -> None:
        while job := jobs.get():
            all_tasks[job[0]](job[1])
        connection.close()

    thread = Thread(target=work)
    thread.start()
    yield
    jobs.put(None)
    thread.join()


@pytest.fixture
def key(consented: Any) -> str:
    """alice's, with every scope."""
    return str(create_key(consented, name="client", scopes=list(Scope))[1])
