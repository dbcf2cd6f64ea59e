"""A request asks a worker, and neither waits for who is not there."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.runs import asking, broker


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[bytes | None]:
    """A worker that takes the question twice, as after a message that came twice, and answers."""
    taken: list[bytes | None] = []

    def enqueue(_task: str, ident: str, _queue: str) -> bool:
        taken.extend([asking.take(ident), asking.take(ident)])
        asking.answer(ident, {"code": "blurred"})
        return True

    monkeypatch.setattr(broker, "enqueue", enqueue)
    return taken


def test_a_question_is_taken_once_and_answered(answered: list[bytes | None]) -> None:
    assert asking.ask("a task", b"sealed", queue="cpu", patience=1) == {"code": "blurred"}
    assert answered == [b"sealed", None]


def test_nothing_is_left_when_no_worker_answers(wake_ups: list[Any]) -> None:
    assert asking.ask("a task", b"sealed", queue="cpu", patience=0.01) is None
    assert asking.take(wake_ups[0].ident) is None


def test_without_redis_there_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_clients", [redis.Redis(port=1, retry=Retry(NoBackoff(), 0))])
    assert asking.ask("a task", b"sealed", queue="cpu", patience=1) is None
