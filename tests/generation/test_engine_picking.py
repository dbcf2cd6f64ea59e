"""The studio where several engines make pictures: which of them for whom, prices, and the consent."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from accounts import consents
from generation.models import Job
from twins.demonstration import DEMONSTRATION
from twins.models import Training

pytestmark = pytest.mark.django_db
KIND = "engine_fal"
TICKED = {f"agreed_{KIND}": "yes", f"version_{KIND}": consents.WORDING[KIND][0]}


@pytest.fixture
def page(alice: Any, client: Any, settings: Any) -> Any:
    settings.STUDIO_PROFILES = ["nano", "fal"]
    client.force_login(alice)
    return client


@pytest.fixture
def at_fal(trained: Any) -> Any:
    Training.objects.update(base="fal", engine="fal")
    return trained


def text(answer: Any) -> str:
    return answer.content.decode()  # type: ignore[no-any-return]


def test_the_script_gets_prices_and_the_engines_of_each_twin(page: Any, at_fal: Any) -> None:
    said = re.search(r'data-engines="([^"]+)"', text(page.get("/studio/")))
    assert said
    facts = json.loads(unescape(said[1]))
    invented = {str(DEMONSTRATION): ["nano"]}
    assert facts["fitting"] == {str(at_fal.id): ["fal"], "": ["nano", "fal"]} | invented
    assert facts["prices"] == {
        "nano": {"draft": 0.5, "standard": 1, "high": 2},
        "fal": {"draft": 1, "standard": 1, "high": 2},
    }
    assert facts["qualities"]["fal"]["draft"] == "Draft · 2 credits for 2"


def test_one_engine_alone_is_not_chosen(page: Any, settings: Any) -> None:
    settings.STUDIO_PROFILES = ["nano"]
    assert 'name="engine"' not in text(page.get("/studio/"))


def test_pictures_of_nobody_go_there_without_a_consent(page: Any, wake_ups: list[Any]) -> None:
    shown = text(page.get("/studio/?prompt=a+lake&engine=fal"))
    assert 'value="fal" checked' in shown
    assert "Your words go to fal.ai (Features &amp; Labels, Inc.), United States, and nothing else." in shown
    page.post("/studio/", {"prompt": "a lake", "engine": "fal"})
    assert Job.objects.get().queue == "remote"


def test_a_twin_goes_there_after_the_tick(page: Any, at_fal: Any, wake_ups: list[Any]) -> None:
    fields = {"prompt": "in a park", "twin": str(at_fal.id), "engine": "fal"}
    refused = text(page.post("/studio/", fields))
    assert "Read what is sent to fal.ai (Features &amp; Labels, Inc.), and tick the box first." in refused
    assert "in a park</textarea>" in refused
    assert not Job.objects.exists()
    assert page.post("/studio/", fields | TICKED).status_code == 302
    assert Job.objects.get().engine == "fal"
    assert f"agreed_{KIND}" not in text(page.get("/studio/"))


def test_an_engine_that_does_not_know_the_twin_says_which_ones_do(page: Any, at_fal: Any) -> None:
    shown = text(page.post("/studio/", {"prompt": "in a park", "twin": str(at_fal.id), "engine": "nano"}))
    assert "Use: Photographic (fal.ai)." in shown
    assert 'value="fal" checked' in shown


def test_a_job_is_shown_with_its_engine_and_changed_on_it(page: Any, at_fal: Any) -> None:
    Job.objects.create(user=at_fal.user, prompt="a lake", seed=1, engine="fal", status="failed")
    shown = text(page.get("/studio/"))
    assert '<p class="small quiet by">Photographic (fal.ai) · ' in shown
    assert "&amp;count=1&amp;engine=fal" in shown
