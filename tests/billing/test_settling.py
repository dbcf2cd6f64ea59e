"""Requests whose runs have ended, and runs whose service does not come back: nothing is held for ever."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from billing import audit, ledger
from billing.engines.models import RemoteRequest
from billing.engines.settling import settle
from billing.runs import AWAY, MOST_AWAY
from config import studio
from config.runs import circuit
from config.runs.circuit import Circuit
from generation.services import request_images
from tests.hosted import Hosted
from twins.tasks import train

pytestmark = pytest.mark.django_db
Work = Callable[[], int]


def ended(run: Any) -> tuple[str, str, int]:
    run.refresh_from_db()
    assert audit.problems() == []
    assert ledger.balance(ledger.wallet_of(run.user)).held == run.held
    return run.status, run.error_code, run.captured


def since(run: Any, age: timedelta) -> None:
    rows = type(run).objects.filter(id=run.id)
    rows.update(postponed_at=rows.get().postponed_at - age)


def test_a_service_that_does_not_answer_is_asked_once_a_round(hosted: Hosted, caplog: Any) -> None:
    facts = {"service": "fal", "model": "fal-ai/flux-lora", "run_kind": "image", "state": "waiting"}
    for n in range(3):
        RemoteRequest.objects.create(run_id=uuid.uuid4(), work=f"picture-{n}", request_id=f"a-{n}", **facts)
    hosted.fal.refuse()
    with caplog.at_level(logging.WARNING):
        settle()
    hosted.fal.listen()
    assert sum("cannot be cancelled" in record.message for record in caplog.records) == 1
    assert RemoteRequest.objects.open().count() == 3
    settle()
    assert RemoteRequest.objects.open().count() == 0


def test_what_waits_for_a_service_without_a_key_fails(hosted: Hosted, work: Work, settings: Any) -> None:
    training = hosted.train()
    settings.REMOTES = {}
    settle()
    assert ended(training) == ("failed", "engine_misconfigured", 0)
    settings.REMOTES = {"fal": None}
    again = hosted.train()
    settings.REMOTES = {}
    studio.use_engine("fal", None)
    work()
    assert ended(again) == ("failed", "engine_misconfigured", 0)


def test_a_storage_that_is_away_while_the_queue_answers_does_not_hold_a_run_for_ever(
    hosted: Hosted, work: Work
) -> None:
    hosted.fal.scenario("away", at="upload", times=99)
    training = hosted.train()
    work()
    training.refresh_from_db()
    assert (training.status, training.stage) == ("queued", AWAY)
    Circuit().worked("fal")
    since(training, MOST_AWAY)
    train(str(training.id))
    assert ended(training) == ("failed", AWAY, 0)


def test_who_gives_up_waiting_for_a_service_pays_nothing(hosted: Hosted, work: Work) -> None:
    hosted.fal.refuse()
    training = hosted.train()
    work()
    hosted.fal.listen()
    training.refresh_from_db()
    assert (training.stage, training.share > 0, training.if_cancelled) == (AWAY, True, 0)
    training.cancel()
    assert ended(training) == ("cancelled", "", 0)


def test_engines_on_this_machine_ask_no_circuit(twin: Any, work: Work, monkeypatch: Any) -> None:
    def none() -> Any:
        raise AssertionError("no Redis is asked")

    monkeypatch.setattr(circuit, "client", none)
    job = request_images(twin.user, twin=None, prompt="in a park", count=1)
    assert type(job).claim(job.id) is not None
