"""The twin's page where several engines train: what each says, the consent, the selfie, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from accounts import consents
from billing import ledger
from billing.engines.models import EngineOffer
from billing.models import Plan
from tests.studio import JudgeDouble
from tests.twins.sittings import sit
from twins.models import Training, Twin
from twins.proof import invitations

pytestmark = pytest.mark.django_db
KIND = "engine_fal"
TICKED = {"base": "fal", f"agreed_{KIND}": "yes", f"version_{KIND}": consents.WORDING[KIND][0]}


@pytest.fixture
def page(alice: Any, client: Any, settings: Any) -> Any:
    settings.STUDIO_PROFILES = ["nano", "fal", "together"]
    ledger.grant(ledger.wallet_of(alice), 200, cause="staff:test")
    client.force_login(alice)
    return client


def shown(page: Any, twin: Any, query: str = "") -> str:
    return page.get(f"/twins/{twin.id}/{query}").content.decode()  # type: ignore[no-any-return]


def asked(page: Any, twin: Any, fields: dict[str, str]) -> Any:
    return page.post(reverse("train", args=[twin.id]), fields)


def test_each_engine_stands_there_with_its_price_and_where_photos_go(page: Any, photos: list[Any]) -> None:
    text = shown(page, photos[0].twin)
    assert 'name="base" value="nano" checked' in text
    assert "free</span>" in text
    assert "80 credits</span>" in text
    assert "Your photos go to fal.ai (Features &amp; Labels, Inc.), United States" in text
    assert "A live selfie comes first" in text
    assert "Photographic (Together AI) makes pictures and trains no twins." in text
    assert 'value="together"' not in text


def test_one_engine_alone_leaves_nothing_to_choose(page: Any, photos: list[Any], settings: Any) -> None:
    settings.STUDIO_PROFILES = ["nano"]
    text = shown(page, photos[0].twin)
    assert 'type="radio"' not in text
    assert "Train · free" in text


def test_without_the_tick_nothing_begins_and_the_engine_stays_chosen(page: Any, photos: list[Any]) -> None:
    twin = photos[0].twin
    answer = asked(page, twin, {"base": "fal"})
    assert answer.url == f"/twins/{twin.id}/?engine=fal"
    text = shown(page, twin, "?engine=fal")
    assert "Read what is sent to fal.ai (Features &amp; Labels, Inc.), and tick the box first." in text
    assert 'name="base" value="fal" checked' in text
    assert not Training.objects.exists()
    assert not consents.has(twin.user_id, KIND)


def test_an_older_wording_does_not_count(page: Any, photos: list[Any]) -> None:
    asked(page, photos[0].twin, TICKED | {f"version_{KIND}": "2020-01"})
    assert not consents.has(photos[0].twin.user_id, KIND)


def test_the_tick_agrees_and_leads_to_the_selfie_and_back(page: Any, photos: list[Any]) -> None:
    twin = photos[0].twin
    answer = asked(page, twin, TICKED)
    assert answer.url == f"/twins/{twin.id}/verify/?engine=fal"
    assert consents.has(twin.user_id, KIND)
    assert f'href="/twins/{twin.id}/?engine=fal"' in page.get(answer.url).content.decode()
    assert f"agreed_{KIND}" not in shown(page, twin)


def test_a_verified_twin_is_trained_there_and_no_tick_is_asked_for_again(
    page: Any, photos: list[Any], as_alice: Any, work: Callable[[], int], judge: JudgeDouble
) -> None:
    twin = photos[0].twin
    assert sit(as_alice, twin, work)["status"] == "verified"
    text = shown(page, twin, "?engine=fal")
    assert "Verified by a live selfie on" in text
    assert "Train · 80 credits" in text
    assert asked(page, twin, TICKED).url == f"/twins/{twin.id}/"
    training = Training.objects.get()
    assert (training.base, training.price, training.queue) == ("fal", 80, "remote")


def test_another_choice_gives_no_consent(page: Any, photos: list[Any], wake_ups: list[Any]) -> None:
    asked(page, photos[0].twin, TICKED | {"base": "nano"})
    assert Training.objects.get().base == "nano"
    assert not consents.has(photos[0].twin.user_id, KIND)


def test_a_plan_that_lacks_an_engine_shows_the_way_to_one_that_has_it(page: Any, photos: list[Any]) -> None:
    EngineOffer.objects.create(profile="fal").plans.add(Plan.objects.get(code="creator"))
    text = shown(page, photos[0].twin, "?engine=fal")
    assert "Your plan does not include it." in text
    assert 'value="fal"' not in text
    assert 'name="base" value="nano" checked' in text


def test_somebody_elses_twin_stays_here(page: Any, photos: list[Any]) -> None:
    twin = photos[0].twin
    Twin.objects.filter(id=twin.id).update(of_other=True)
    twin.refresh_from_db()
    invitation, _token = invitations.invite(twin)
    invitations.agree(invitation, session="", version=consents.WORDING["biometric_twin"][0])
    text = shown(page, twin)
    assert "agreed to our own machines only and not to fal.ai" in text
    assert 'value="fal"' not in text
    asked(page, twin, TICKED)
    assert not consents.has(twin.user_id, KIND)
    assert not Training.objects.exists()


def test_a_version_says_who_trained_it_and_who_makes_its_pictures(page: Any, twin: Any) -> None:
    Training.objects.create(
        user=twin.user, twin=twin, base="fal", engine="fal", number=1, status="succeeded", sha256="0" * 64
    )
    text = shown(page, twin)
    assert "Trained by: Photographic (fal.ai)." in text
    assert "One checkpoint came back" in text
    assert "Pictures by: Photographic (fal.ai)." in text


def test_a_drawn_avatar_is_called_one_and_has_no_likeness(page: Any, twin: Any) -> None:
    Training.objects.create(user=twin.user, twin=twin, base="nano", number=1, status="succeeded")
    text = shown(page, twin)
    assert "A drawn avatar by the built-in engine" in text
    assert "measured in an older way" not in text


@pytest.mark.parametrize(
    "stage, words",
    [
        ("waiting there", "Waiting there for a free machine · 8 %"),
        ("waiting there 3", "Waiting there for a free machine, at place 3"),
        ("engine_away", "does not answer"),
    ],
)
def test_what_happens_there_is_told_in_words(page: Any, twin: Any, stage: str, words: str) -> None:
    status = "queued" if stage == "engine_away" else "running"
    Training.objects.create(
        user=twin.user, twin=twin, base="fal", number=1, status=status, stage=stage, share=0.08, attempt=1
    )
    assert words in shown(page, twin)
