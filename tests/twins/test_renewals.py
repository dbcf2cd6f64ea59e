"""Twins of an older base go on, and may be made anew: once free, later at the usual price."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from billing import ledger, prices
from tests.engines import version_of
from twins import renewals
from twins.models import Training, Twin

pytestmark = pytest.mark.django_db
OLDER = "The engine has changed since the version in use was trained."


@pytest.fixture
def old(trained: Twin) -> Twin:
    """A trained twin that used its free training, of a base that is not known."""
    Training.objects.update(base_version="")
    ledger.grant(ledger.wallet_of(trained.user), 100, cause="staff:test")
    return trained


@pytest.fixture
def start(as_alice: Any, twin: Twin) -> Callable[[], Any]:
    return lambda: as_alice.post(f"/api/v1/twins/{twin.id}/trainings", {}, format="json").json()


def test_a_training_remembers_its_base_and_nothing_is_offered_while_that_is_the_same(
    trained: Twin, as_alice: Any, client: Any
) -> None:
    version = trained.active_training
    assert version is not None
    assert version.base_version == renewals.today("nano") != ""
    assert not as_alice.get(f"/api/v1/trainings/{version.id}").json()["older_base"]
    client.force_login(trained.user)
    assert OLDER not in client.get(f"/twins/{trained.id}/").text


def test_a_twin_of_an_older_base_is_made_anew_once_for_nothing(
    old: Twin, start: Callable[[], Any], work: Callable[[], int], as_alice: Any, client: Any
) -> None:
    client.force_login(old.user)
    text = client.get(f"/twins/{old.id}/").text
    assert OLDER in text
    assert "Once, that is free." in text
    assert as_alice.get(f"/api/v1/trainings/{old.active_training_id}").json()["older_base"]
    assert start()["credits"]["held"] == 0
    work()
    assert OLDER not in client.get(f"/twins/{old.id}/").text
    assert start()["credits"]["held"] > 0


def test_once_it_was_used_the_price_is_said(
    old: Twin, start: Callable[[], Any], work: Callable[[], int], client: Any
) -> None:
    start()
    work()
    Training.objects.update(base_version="before")
    client.force_login(old.user)
    text = client.get(f"/twins/{old.id}/").text
    assert OLDER in text
    assert f"That costs {prices.training()} credits." in text


def test_given_up_after_it_began_it_was_the_once(old: Twin, start: Callable[[], Any], client: Any) -> None:
    training = Training.claim(start()["id"])
    assert training is not None
    client.force_login(old.user)
    assert "the next one has its usual price" in client.get(f"/twins/{old.id}/").text
    training.cancel()
    training.end_cancelled()
    assert start()["credits"]["held"] > 0


def test_a_failure_of_ours_does_not_use_it_up(old: Twin, start: Callable[[], Any]) -> None:
    Training.claim(start()["id"]).fail("internal")  # type: ignore[union-attr]
    assert start()["credits"]["held"] == 0


def test_other_bases_are_not_offered_without_a_reason(old: Twin, settings: Any) -> None:
    settings.STUDIO_PROFILES = ["nano", "flux-schnell"]
    version_of(old, "flux-schnell")
    assert not renewals.is_offered(old)  # what it was trained on is not known, and it is pinned
    version_of(old, "flux-schnell", base_version="another")
    assert renewals.is_offered(old)
    settings.STUDIO_PROFILES = ["nano"]
    assert not renewals.is_offered(old)
