"""The circuit of a service: shared by all processes, closed without Redis."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from config.runs import circuit
from config.runs.circuit import FAILURES, OPEN, Circuit


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    Circuit().worked("fal")
    yield
    Circuit().worked("fal")


def broken(times: int = FAILURES) -> Circuit:
    found = Circuit()
    for _ in range(times):
        found.failed("fal")
    return found


def over() -> None:
    """Lets the time of the open circuit end."""
    circuit.client().delete("circuit:fal:open")


def elsewhere(ask: Any) -> Any:
    """The answer in another thread."""
    told: list[Any] = []
    thread = threading.Thread(target=lambda: told.append(ask()))
    thread.start()
    thread.join()
    return told[0]


def test_it_opens_at_the_fifth_failure_in_a_row() -> None:
    assert not broken(FAILURES - 1).open("fal")
    Circuit().worked("fal")
    assert not broken(FAILURES - 1).open("fal")
    Circuit().failed("fal")
    assert Circuit().open("fal")
    assert Circuit().is_open("fal")
    assert not Circuit().open("together")
    assert 0 < circuit.client().ttl("circuit:fal:open") <= OPEN


def test_then_one_thread_tries_and_the_others_wait() -> None:
    found = broken()
    over()
    assert not found.is_open("fal")  # whoever asks first may try
    assert not found.open("fal")
    assert not found.open("fal")  # its trial has several requests
    assert not found.is_open("fal")
    assert elsewhere(lambda: (found.open("fal"), found.is_open("fal"))) == (True, True)


def test_the_trial_decides() -> None:
    found = broken()
    over()
    assert not found.open("fal")
    found.failed("fal")
    assert found.open("fal")
    over()
    assert not found.open("fal")
    found.worked("fal")
    assert not elsewhere(lambda: found.open("fal"))


def test_without_redis_every_circuit_is_closed(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    broken()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(circuit, "_clients", [])
    found = Circuit()
    found.failed("fal")
    found.worked("fal")
    assert (found.open("fal"), found.is_open("fal")) == (False, False)
