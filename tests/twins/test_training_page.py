"""The screen of a training, and the bar that leads to it on phones."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from twins.models import Training

pytestmark = pytest.mark.django_db


@pytest.fixture
def mine(client: Client, alice: Any) -> Client:
    client.force_login(alice)
    return client


def test_a_training_has_a_screen_of_its_own(mine: Client, twin: Any, photos: list[Any]) -> None:
    """Share, stages, minutes left in words, what happens at the end; the photos are folded away."""
    started = timezone.now() - timedelta(minutes=2)
    facts = {"status": "running", "stage": "training", "share": 0.4, "attempt": 1, "started_at": started}
    Training.objects.create(user=twin.user, twin=twin, number=1, base="nano", samples=2, **facts)
    page = mine.get(f"/twins/{twin.id}/").text
    screen, _photos, folded = page.partition('class="train-screen"')[2].partition('<details class="card">')
    assert '<p class="train-share" aria-hidden="true">40 %</p>' in screen
    assert '<li class="is-now" aria-current="step">' in screen
    assert screen.count('class="is-done"') == 2
    assert "About 3 minutes left." in screen
    assert screen.count("/samples/") == 2
    assert "At the end the best version is kept" in screen
    assert "You can leave this page." in screen
    assert f"<summary>{len(photos)} photos</summary>" in folded
    assert 'id="drop"' not in page


def test_until_then_a_bar_says_how_many_photos_there_are(mine: Client, twin: Any) -> None:
    bar = mine.get(f"/twins/{twin.id}/").text.partition('class="train-bar"')[2]
    assert "0 of 10 photos" in bar
    assert '<button class="btn" form="train-form" disabled>10 more photos' in bar


def test_with_enough_photos_the_bar_trains(mine: Client, twin: Any, photos: list[Any]) -> None:
    bar = mine.get(f"/twins/{twin.id}/").text.partition('class="train-bar"')[2]
    assert f"{len(photos)} photos" in bar
    assert '<button class="btn" form="train-form">Train</button>' in bar
