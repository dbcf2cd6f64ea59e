"""Trainings at a service: what the user sees, what the ledger holds, what was sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import TestCase
from django.utils import timezone

from accounts.vault.vault import Vault
from billing import audit, ledger
from billing.engines import webhooks
from billing.engines.models import RemoteRequest
from billing.tasks import settle_remote
from config.errors import StorageFull
from config.runs import circuit
from config.runs.circuit import Circuit
from config.runs.sentences import SENTENCES
from config.runs.sweeper import sweep_kind
from tests.hosted import Hosted
from tests.processes import lapse
from twins.models import Training
from twins.tasks import train

pytestmark = pytest.mark.django_db
Work = Callable[[], int]


def ended(training: Any) -> tuple[str, str, int]:
    training.refresh_from_db()
    assert audit.problems() == []
    assert ledger.balance(ledger.wallet_of(training.user)).held == training.held
    return training.status, training.error_code, training.captured


def once(training: Any) -> None:
    """One worker takes it."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        train(str(training.id))


def again(training: Any) -> None:
    """The worker that had it is gone; another one takes it."""
    lapse(training)
    sweep_kind(Training)
    once(training)


def test_a_twin_is_trained_there(hosted: Hosted, work: Work) -> None:
    training = hosted.train()
    assert training.queue == "remote"
    work()
    assert ended(training) == ("succeeded", "", 80)
    assert (training.likeness_base, training.loss_first, training.samples) == (None, None, 2)
    assert hosted.said() == {"training": ["delivered"], "scene-0": ["delivered"], "scene-1": ["delivered"]}
    assert sum(row.cents for row in RemoteRequest.objects.all()) == 600 + 2 * 3.5
    (sent,) = hosted.fal.submitted(hosted.fal.TRAINER)
    assert sent["webhook"].endswith(f"/hooks/fal/{RemoteRequest.objects.get(work='training').id}")
    words = str(hosted.fal.seen()["calls"])
    assert not any(
        secret in words for secret in (training.user.email, hosted.twin.name, str(training.user_id))
    )


REFUSED_AT_ONCE = {
    "unpaid": "engine_unpaid",
    "bad_key": "engine_key_refused",
    "model_gone": "engine_model_gone",
    "busy": "engine_busy",
}
ENDED_THERE = {
    "failed": ("engine_failed", "failed"),
    "content_policy": ("result_refused", "refused"),
    "lost": ("request_lost", "lost"),
    "html": ("result_bad", ""),
    "pickle": ("result_bad", ""),
    "empty": ("result_bad", ""),
    "truncated": ("result_bad", ""),
    "other_base": ("result_bad", ""),
    "huge": ("result_bad", ""),
    "redirect": ("result_bad", ""),
    "gone": ("result_gone", ""),
}


@pytest.mark.parametrize("name", REFUSED_AT_ONCE)
def test_what_they_refuse_at_once_costs_nothing(hosted: Hosted, work: Work, name: str) -> None:
    hosted.fal.scenario(name, model=hosted.fal.TRAINER, times=9, retry_after=90)
    training = hosted.train()
    work()
    assert ended(training) == ("failed", REFUSED_AT_ONCE[name], 0)
    assert training.error_detail != ""
    assert {row.cents for row in RemoteRequest.objects.all()} == {0}
    assert hosted.fal.submitted() == []


@pytest.mark.parametrize("name", ENDED_THERE)
def test_what_fails_there_gives_the_credits_back(hosted: Hosted, work: Work, name: str) -> None:
    hosted.fal.scenario(name, model=hosted.fal.TRAINER)
    training = hosted.train()
    work()
    code, state = ENDED_THERE[name]
    assert ended(training) == ("failed", code, 0)
    assert code in SENTENCES
    row = RemoteRequest.objects.get()
    assert (row.work, row.state in (state, "delivered", "failed")) == ("training", True)
    assert len(hosted.fal.submitted(hosted.fal.TRAINER)) == 1
    assert hosted.fal.waiting == []


def test_too_unlike_is_free_for_the_user_and_booked_for_us(hosted: Hosted, work: Work) -> None:
    from dataclasses import replace

    hosted.engine.base = replace(hosted.engine.base, floor=1.1)
    training = hosted.train()
    work()
    assert ended(training) == ("failed", "likeness_too_low", 0)
    assert sum(row.cents for row in RemoteRequest.objects.all()) == 607


def test_a_refused_key_is_skipped_and_staff_hear_of_it_once(
    hosted: Hosted, work: Work, django_user_model: Any, settings: Any
) -> None:
    django_user_model.objects.create_superuser(email="root@example.com", password="a long password")
    first, second = settings.REMOTES["fal"].keys
    hosted.fal.revoke(first)
    for key in circuit.client().scan_iter("told:*"):
        circuit.client().delete(key)
    training = hosted.train()
    work()
    assert ended(training)[0] == "succeeded"
    told = [m for m in mail.outbox if m.to == ["root@example.com"]]
    assert len(told) == 1
    assert first not in told[0].body
    assert hosted.fal.submitted()[0]["key"] == second[-4:]


def test_while_they_are_away_it_waits(hosted: Hosted) -> None:
    hosted.fal.refuse()
    training = hosted.train()
    for _ in range(circuit.FAILURES):
        again(training)
    assert Circuit().is_open("fal")
    training.refresh_from_db()
    assert (training.status, training.stage, training.crashes) == ("queued", "engine_away", 0)
    assert Training.claim(training.id) is None
    tries = training.attempt
    again(training)
    training.refresh_from_db()
    assert training.attempt == tries
    hosted.fal.listen()
    circuit.client().delete("circuit:fal:open")
    again(training)
    assert ended(training) == ("succeeded", "", 80)
    assert len(hosted.fal.submitted(hosted.fal.TRAINER)) == 1


def test_after_an_hour_it_fails_with_the_credits_back(hosted: Hosted, work: Work) -> None:
    hosted.fal.refuse()
    training = hosted.train()
    work()
    for _ in range(circuit.FAILURES):
        Circuit().failed("fal")
    settle_remote()
    assert ended(training)[0] == "queued"
    Training.objects.update(postponed_at=training.postponed_at - timedelta(hours=1))
    settle_remote()
    assert ended(training) == ("failed", "engine_away", 0)
    hosted.fal.listen()


def stop_while_waiting(hosted: Hosted, told_to_stop: Any) -> None:
    """The worker is told to stop at its first wait."""
    told_to_stop.clear()
    hosted.waited = told_to_stop.set


def test_the_next_worker_goes_on_with_the_same_request(hosted: Hosted, told_to_stop: Any) -> None:
    stop_while_waiting(hosted, told_to_stop)
    hosted.fal.pace(hold=True)
    training = hosted.train()
    once(training)
    training.refresh_from_db()
    assert (training.attempt, training.crashes, hosted.said()) == (1, 0, {"training": ["waiting"]})
    told_to_stop.clear()
    hosted.waited = hosted.fal.finish
    again(training)
    assert ended(training) == ("succeeded", "", 80)
    assert len(hosted.fal.submitted(hosted.fal.TRAINER)) == 1


def test_an_end_that_was_not_committed_comes_to_the_same_result(hosted: Hosted, monkeypatch: Any) -> None:
    """The worker dies after it fetched the twin and before the run ended."""
    finish = Training.finish
    monkeypatch.setattr(Training, "finish", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    training = hosted.train()
    with pytest.raises(KeyboardInterrupt):
        once(training)
    monkeypatch.setattr(Training, "finish", finish)
    again(training)
    assert ended(training) == ("succeeded", "", 80)
    assert {model["model"] for model in hosted.fal.submitted()} == {hosted.fal.TRAINER, hosted.fal.PICTURES}
    assert len(hosted.fal.submitted(hosted.fal.TRAINER)) == 1
    assert len(hosted.fal.submitted(hosted.fal.PICTURES)) == 2


def test_a_lost_answer_is_named_by_the_webhook(hosted: Hosted, work: Work) -> None:
    def webhook() -> None:
        (run,) = hosted.fal.submitted(hosted.fal.TRAINER)
        RemoteRequest.objects.filter(work="training").update(request_id=run["id"])
        hosted.fal.finish()

    hosted.fal.scenario("answer_lost", model=hosted.fal.TRAINER)
    hosted.waited = webhook
    training = hosted.train()
    work()
    assert ended(training) == ("succeeded", "", 80)
    assert len(hosted.fal.submitted(hosted.fal.TRAINER)) == 1


def lose_the_answer(hosted: Hosted, told_to_stop: Any, **how: Any) -> Any:
    """A training whose submit is not answered, and that no webhook names in time."""
    stop_while_waiting(hosted, told_to_stop)
    hosted.fal.scenario("answer_lost", model=hosted.fal.TRAINER, **how)
    training = hosted.train()
    once(training)
    told_to_stop.clear()
    row = RemoteRequest.objects.get()
    RemoteRequest.objects.update(created_at=row.created_at - timedelta(minutes=31))
    again(training)
    return training


def test_a_lost_answer_that_nobody_names_is_never_sent_again(hosted: Hosted, told_to_stop: Any) -> None:
    training = lose_the_answer(hosted, told_to_stop)
    assert ended(training) == ("failed", "answer_lost", 0)
    assert (RemoteRequest.objects.get().state, RemoteRequest.objects.get().cents) == ("lost", 600)
    assert len(hosted.fal.submitted(hosted.fal.TRAINER)) == 1


def test_a_lost_training_that_a_webhook_names_later_is_cancelled_there(
    hosted: Hosted, told_to_stop: Any
) -> None:
    training = lose_the_answer(hosted, told_to_stop, seconds=3600)
    (run,) = hosted.fal.submitted(hosted.fal.TRAINER)
    row = RemoteRequest.objects.get()
    assert [webhooks._remember(row, run["id"]) for _ in range(2)] == [True, False]
    for _ in range(2):
        settle_remote()
    assert hosted.fal.submitted(hosted.fal.TRAINER)[0]["cancelled"]
    assert sum(call["method"] == "PUT" for call in hosted.fal.requests) == 1
    row.refresh_from_db()
    assert (row.state, row.cents, row.request_id) == ("lost", 600, run["id"])
    assert ended(training) == ("failed", "answer_lost", 0)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """While it is not empty, no twin's file can be written."""
    write, state = Vault.write, [True]

    def refuse(vault: Vault, name: str, data: bytes) -> None:
        if state and name.endswith(".safetensors"):
            raise StorageFull
        write(vault, name, data)

    monkeypatch.setattr(Vault, "write", refuse)
    return state


def test_a_trained_twin_that_finds_no_room_is_fetched_again(hosted: Hosted, full: list[bool]) -> None:
    training = hosted.train()
    again(training)
    assert ended(training)[0] == "queued"
    assert (training.stage, training.crashes, hosted.said()) == ("storage_full", 0, {"training": ["waiting"]})
    full.clear()
    again(training)
    assert ended(training) == ("succeeded", "", 80)
    assert len(hosted.fal.submitted(hosted.fal.TRAINER)) == 1


def test_without_room_for_an_hour_it_fails_with_the_credits_back(hosted: Hosted, full: list[bool]) -> None:
    training = hosted.train()
    again(training)
    training.refresh_from_db()
    Training.objects.update(postponed_at=training.postponed_at - timedelta(hours=1))
    again(training)
    assert ended(training) == ("failed", "storage_full", 0)


def test_work_that_goes_on_ends_the_count_of_the_hour(hosted: Hosted) -> None:
    hosted.fal.refuse()
    training = hosted.train()
    again(training)
    hosted.fal.listen()
    Training.objects.update(postponed_at=timezone.now() - timedelta(hours=2))
    claimed = Training.claim(training.id)
    assert claimed is not None
    claimed.progress("sending", claimed.share_at_claim)
    assert Training.objects.get(id=training.id).postponed_at is not None
    claimed.progress("waiting there", claimed.share_at_claim + 0.01)
    assert Training.objects.get(id=training.id).postponed_at is None
