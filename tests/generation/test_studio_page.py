"""The studio and the twins' pages say before the request what would stand against it."""

from __future__ import annotations

from typing import Any

import pytest

from billing import ledger
from config.templatetags.runs import time_left
from generation.models import Job

pytestmark = pytest.mark.django_db
LONG = "smiling, in a park, " * 12 + "wearing a red dress"


@pytest.fixture
def page(alice: Any, client: Any) -> Any:
    client.force_login(alice)
    return client


def text(answer: Any) -> str:
    return answer.content.decode()  # type: ignore[no-any-return]


def test_a_long_prompt_is_told_first_and_made_when_it_is_sent_again(page: Any, wake_ups: list[Any]) -> None:
    told = text(page.post("/studio/", {"prompt": LONG}))
    assert "reads the prompt only up to “in a park, smiling, in a park,”" in told
    assert not Job.objects.exists()
    assert page.post("/studio/", {"prompt": LONG, "anyway": "1"}).status_code == 302
    assert Job.objects.get().prompt == LONG


@pytest.mark.parametrize("query, filled", [("", True), ("?twin=", True), ("?prompt=", False)])
def test_a_first_visit_finds_a_sentence_in_the_prompt(page: Any, query: str, filled: bool) -> None:
    shown = text(page.get(f"/studio/{query}"))
    assert (">smiling, in a park, wearing a red hoodie</textarea>" in shown) == filled


def test_a_negative_prompt_that_is_not_read_is_told_too(page: Any) -> None:
    told = text(page.post("/studio/", {"prompt": "in a park", "negative_prompt": LONG}))
    assert "It reads what should not be there only up to" in told


@pytest.mark.parametrize("sells", [True, False])
def test_without_credits_the_way_to_more_takes_the_buttons_place(
    page: Any, alice: Any, settings: Any, sells: bool
) -> None:
    settings.STRIPE_SECRET_KEYS = ["sk_test_nobody"] if sells else []
    assert '<button class="btn big wide" id="create" data-one' in text(page.get("/studio/"))
    ledger.take_back(ledger.wallet_of(alice), 3, cause="test")
    shown = text(page.get("/studio/?twin=&prompt=x"))
    assert '<button class="btn big wide" id="create" hidden' in shown
    assert ('href="/pricing/#packs">Get credits' in shown) == sells
    assert ("Credits cannot be bought here." in shown) != sells


def test_a_fixed_seed_stands_beside_the_button(page: Any) -> None:
    assert "Seed <b>7</b> is fixed" in text(page.get("/studio/?prompt=x&seed=7"))
    assert '<p class="cluster small" id="fixed-seed" hidden>' in text(page.get("/studio/?prompt=x"))


def test_the_twin_limit_is_told_before_the_form(page: Any, twin: Any) -> None:
    for where in ("/twins/", "/twins/new/"):
        assert "Your plan holds 1 twin, and you have it." in text(page.get(where))
    assert "Go on to the photos" not in text(page.get("/twins/new/"))


def test_a_training_that_cannot_be_paid_offers_the_way_on(page: Any, trained: Any) -> None:
    shown = text(page.get(f"/twins/{trained.id}/"))
    assert "Training once more costs 20 credits. You have 3." in shown
    assert "Train · " not in shown


@pytest.mark.parametrize(
    "seconds, words",
    [
        (None, ""),
        (20, "Less than a minute left."),
        (70, "About a minute left."),
        (700, "About 12 minutes left."),
        (3825, "About an hour left."),
        (2000 * 4, "About 2 hours left."),
    ],
)
def test_time_left_is_told_in_words(seconds: int | None, words: str) -> None:
    assert time_left(seconds) == words


def test_while_a_twin_learns_the_studio_does_not_ask_for_another(page: Any, twin: Any) -> None:
    assert "The demonstration person is invented" in text(page.get("/studio/"))
    twin.trainings.create(user=twin.user, number=1, base="nano")
    assert "Your twin is still being trained." in text(page.get("/studio/"))
