"""Owners rate their pictures; staff see means, reasons, and words of those who agreed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import consents
from gallery.models import Item
from gallery.ratings.models import Rating
from support.insights import ratings
from support.insights.figures import Period
from tests.gallery.pictures import hang

pytestmark = pytest.mark.django_db


@pytest.fixture
def item(alice: Any) -> Item:
    return hang(alice)


def feedback(client: Any, item: Item, **said: Any) -> Any:
    return client.post(f"/api/v1/items/{item.id}/feedback", said, format="json")


def test_stars_reasons_and_words_are_kept_and_what_is_not_sent_stays(as_alice: Any, item: Item) -> None:
    first = feedback(as_alice, item, quality=4, reasons=["eyes", "eyes", "age"], words="the left eye")
    assert first.json() == {
        "not_me": False,
        "redo": None,
        "rating": {
            "likeness": None,
            "prompt": None,
            "quality": 4,
            "reasons": ["age", "eyes"],
            "words": "the left eye",
        },
    }
    again = feedback(as_alice, item, prompt=1, quality=None).json()["rating"]
    assert (again["prompt"], again["quality"], again["words"]) == (1, None, "the left eye")
    assert as_alice.get(f"/api/v1/items/{item.id}/feedback").json()["rating"] == again
    assert Rating.objects.count() == 1


def test_a_rating_that_says_nothing_any_more_is_gone(as_alice: Any, item: Item) -> None:
    feedback(as_alice, item, quality=4)
    assert feedback(as_alice, item, quality=None).json()["rating"] is None
    assert not Rating.objects.exists()


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"quality": 6},
        {"quality": 0},
        {"quality": "many"},
        {"reasons": ["nothing"]},
        {"reasons": "eyes"},
        {"words": "a" * 501},
    ],
)
def test_what_is_no_rating_is_refused(as_alice: Any, item: Item, said: dict[str, Any]) -> None:
    answer = feedback(as_alice, item, **said)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert not Rating.objects.exists()


def test_a_picture_of_nobody_has_no_likeness_to_rate(as_alice: Any, item: Item) -> None:
    answer = feedback(as_alice, item, likeness=3, quality=5)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_of_twin")
    assert not Rating.objects.exists()


def test_nobody_rates_somebody_elses_picture(as_bob: Any, item: Item) -> None:
    assert feedback(as_bob, item, quality=1).status_code == 404


def test_the_page_takes_the_whole_form(as_alice: Any, item: Item, client: Any, alice: Any) -> None:
    client.force_login(alice)
    rate = f"/studio/pictures/{item.id}/rate/"
    said = {"prompt": "2", "quality": "5", "reasons": ["hands"], "words": "six fingers"}
    page = client.post(rate, said, follow=True).content.decode()
    assert "six fingers" in page
    assert "Thank you. Your rating is saved." in page
    client.post(rate, {"prompt": "", "quality": "5"})
    row = Rating.objects.get()
    assert (row.prompt, row.quality, row.reasons, row.words) == (None, 5, [], "")


def test_staff_see_means_reasons_and_the_words_of_those_who_agreed(
    as_alice: Any, as_bob: Any, item: Item, alice: Any, bob: Any
) -> None:
    other = hang(bob)
    feedback(as_alice, item, quality=2, reasons=["eyes"], words="mine")
    feedback(as_bob, other, quality=5, reasons=["eyes", "hair"], words="not yours")
    consents.give(alice, kind="improvement", version=consents.WORDING["improvement"][0])
    today = timezone.now().date()
    period = Period(today - timedelta(days=1), today)
    (row,) = ratings.ratings(period)
    assert (row.ratings, row.quality, row.likeness) == (2, 3.5, None)
    assert [(why.reason, why.ratings) for why in ratings.reasons(period)] == [("eyes", 2), ("hair", 1)]
    assert ratings.words(period) == ["mine"]
