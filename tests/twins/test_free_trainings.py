"""Free trainings are counted by their starts, capped in steps, for proven addresses, and in turns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import ledger, limits, prices
from billing.models import Plan
from config.runs.places import Places
from ml.catalogue import BASES
from tests.conftest import unconfirmed
from tests.studio import EngineDouble
from twins.models import Training, Twin
from twins.serializers import TrainingForm

pytestmark = pytest.mark.django_db


@pytest.fixture
def start(as_alice: Any, twin: Any, photos: list[Any]) -> Callable[..., Any]:
    return lambda **body: as_alice.post(f"/api/v1/twins/{twin.id}/trainings", body, format="json")


def given_up(started: Any, *, after_it_began: bool) -> None:
    """The user cancels this training."""
    training = Training.objects.get(id=started.json()["id"])
    if after_it_began:
        training = Training.claim(training.id)  # type: ignore[assignment]
    training.cancel()
    training.end_cancelled()


def test_cancelling_begun_trainings_does_not_make_free_compute_endless(
    start: Callable[..., Any], twin: Any
) -> None:
    for _ in range(limits.FREE_RETRIES + 1):
        given_up(start(), after_it_began=True)
    assert start().json()["code"] == "not_enough_credits"
    Twin.objects.filter(id=twin.id).delete()  # and a new twin has no new free start
    assert not limits.free_training_left(ledger.wallet_of(twin.user))


def test_cancelling_before_it_began_uses_nothing_up(start: Callable[..., Any]) -> None:
    for _ in range(limits.FREE_RETRIES + 2):
        given_up(start(), after_it_began=False)
    assert start().status_code == 202


@pytest.mark.parametrize("code, again", [("internal", 202), ("worker_lost", 202), ("likeness_too_low", 402)])
def test_failures_of_ours_do_not_count(start: Callable[..., Any], code: str, again: int) -> None:
    for _ in range(limits.FREE_RETRIES + 1):
        Training.claim(start().json()["id"]).fail(code)  # type: ignore[union-attr]
    assert start().status_code == again


def test_the_base_caps_the_steps(start: Callable[..., Any], engine: EngineDouble) -> None:
    most = BASES["nano"].recipe.steps_most
    refused = start(steps=most + 1)
    assert (refused.status_code, refused.json()["code"], *refused.json()["errors"]) == (
        422,
        "invalid",
        "steps",
    )
    assert start(steps=most).status_code == 202


@pytest.mark.parametrize("base", [name for name, base in BASES.items() if not base.service])
def test_no_parameter_of_a_training_raises_the_work_above_what_the_price_covers(
    start: Callable[..., Any], settings: Any, base: str
) -> None:
    """A base with more steps than the built-in one costs more in proportion, and asks for a live selfie."""
    assert set(TrainingForm().fields) == {"base", "steps", "seed", "resolution"}
    settings.STUDIO_PROFILES = ["nano", base]
    assert start(base=base, resolution=4096).json()["code"] == "invalid"
    answer = start(base=base, steps=BASES[base].recipe.steps_most, seed=7)
    assert answer.status_code == (403 if BASES[base].photorealistic else 202)
    most, least = BASES[base].recipe.steps_most, BASES["nano"].recipe.steps_most
    assert prices.training(BASES[base]) >= prices.training() * most / least


def test_work_waits_for_a_proven_address(
    start: Callable[..., Any], as_alice: Any, alice: Any, twin: Any, client: Any
) -> None:
    unconfirmed(alice)
    answers = [start(), as_alice.post("/api/v1/generations", {"prompt": "in a park"}, format="json")]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(403, "email_unconfirmed")] * 2
    assert ledger.balance(ledger.wallet_of(alice)).held == 0
    client.force_login(alice)
    for page in (f"/twins/{twin.id}/", "/studio/"):
        assert 'name="action_send"' in client.get(page).content.decode()
    sent = client.post("/accounts/email/", {"action_send": "", "email": alice.email})
    assert sent.status_code == 302


def test_trainings_take_turns_between_people(
    start: Callable[..., Any], twin: Any, bob: Any, work: Callable[[], int], wake_ups: list[Any]
) -> None:
    """alice asked for five before bob asked for one. bob is second."""
    Plan.objects.update(twins=9)
    before, made = timezone.now() - timedelta(hours=1), []
    for n, user in enumerate([twin.user] * 5 + [bob]):
        own, at = Twin.objects.create(user=user, name=str(n)), before + timedelta(seconds=n)
        made.append(Training(user=user, twin=own, base="nano", number=1, created_at=at))
    Training.objects.bulk_create(made)
    assert [Places().of(training) for training in made] == [1, 3, 4, 5, 6, 2]
    from twins.tasks import train

    for _ in made[:2]:
        train(str(made[4].id))  # every wake-up does the training whose turn it is
    done = Training.objects.exclude(status="queued")
    assert {training.id for training in done} == {made[0].id, made[5].id}
