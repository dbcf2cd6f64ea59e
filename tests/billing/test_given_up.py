"""Begun work that is given up is forgiven up to the price of one training a day. Then it is charged."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import audit, ledger, limits
from billing.models import Wallet
from config.runs.sweeper import sweep_kind
from tests.processes import lapse
from twins.models import Training
from twins.services import delete_twin, start_training

pytestmark = pytest.mark.django_db


@pytest.fixture
def begun(trained: Any, wake_ups: list[Any]) -> Training:
    """A training for 20 credits whose worker has done 0.55 of it. Nothing was forgiven today."""
    ledger.grant(ledger.wallet_of(trained.user), 100, cause="test")
    training = Training.claim(start_training(trained).id)
    assert training
    training.progress("training", 0.55)
    return training


def forgive_all(user: Any) -> None:
    Wallet.objects.filter(user=user).update(forgiven=20, forgiven_since=timezone.now())


def books(run: Any) -> tuple[str, int, int, list[str]]:
    """Status, captured, what is still held, and faults in the books."""
    run.refresh_from_db()
    held = ledger.balance(ledger.wallet_of(run.user)).held
    return run.status, run.captured, held, audit.problems()


def give_up(training: Training) -> None:
    training.cancel()
    assert training.progress("finishing", 0.95)  # the worker sees it later: the share at the cancel counts
    training.end_cancelled()


def test_the_first_credits_of_a_day_are_forgiven(begun: Training) -> None:
    assert begun.if_cancelled == 0
    give_up(begun)
    assert books(begun) == ("cancelled", 0, 0, [])
    assert limits.forgivable(ledger.wallet_of(begun.user)) == 20 - 11


def test_beyond_them_the_share_of_the_work_that_is_done_is_charged(begun: Training, client: Any) -> None:
    forgive_all(begun.user)
    client.force_login(begun.user)
    where = [f"/twins/{begun.twin_id}/", f"/api/v1/trainings/{begun.id}"]
    page, run = (client.get(each) for each in where)
    assert "If you cancel now, 11 of 20 credits are charged for the work that is done." in page.text
    assert run.json()["credits"] == {"held": 20, "captured": 0, "if_cancelled": 11}
    give_up(begun)
    assert books(begun) == ("cancelled", 11, 0, [])
    page, run = (client.get(each) for each in where)
    assert "Cancelled. 11 credits were charged for the work that was done." in page.text
    assert run.json()["credits"] == {"held": 0, "captured": 11, "if_cancelled": None}


def test_the_allowance_pays_a_part_and_comes_back_after_a_day(begun: Training) -> None:
    Wallet.objects.update(forgiven=15, forgiven_since=timezone.now())
    assert begun.if_cancelled == 6
    Wallet.objects.update(forgiven_since=timezone.now() - timedelta(days=1))
    assert begun.if_cancelled == 0
    give_up(begun)
    assert Wallet.objects.get(user=begun.user).forgiven == 11  # those of the day before do not count


WAYS = {
    "stop": lambda training: training.stop(),
    "delete": lambda training: delete_twin(training.twin),
    "withdraw": lambda training: training.fail("consent_withdrawn"),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_other_way_to_give_up_costs_as_much(begun: Training, way: str) -> None:
    forgive_all(begun.user)
    before = ledger.balance(ledger.wallet_of(begun.user)).available
    WAYS[way](begun)
    after = ledger.balance(ledger.wallet_of(begun.user))
    assert (after.available - before, after.held) == (9, 0)


@pytest.mark.parametrize("code", ["worker_lost", "engine_failed", "likeness_too_low"])
def test_what_fails_is_free_and_uses_up_no_allowance(begun: Training, code: str) -> None:
    forgive_all(begun.user)
    begun.fail(code)
    assert books(begun) == ("failed", 0, 0, [])


def test_what_waits_is_free(trained: Any, wake_ups: list[Any]) -> None:
    ledger.grant(ledger.wallet_of(trained.user), 100, cause="test")
    forgive_all(trained.user)
    training = start_training(trained)
    assert training.if_cancelled == 0
    training.cancel()
    assert books(training) == ("cancelled", 0, 0, [])


def test_a_worker_killed_after_the_cancel_settles_it_once(begun: Training) -> None:
    forgive_all(begun.user)
    begun.cancel()
    lapse(begun)
    sweep_kind(Training)
    sweep_kind(Training)
    begun.end_cancelled()  # the killed worker wakes up
    assert books(begun) == ("cancelled", 11, 0, [])
