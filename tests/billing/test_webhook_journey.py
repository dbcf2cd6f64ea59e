"""A webhook's whole way: signed and posted by the double, checked with the keys that it publishes, through
Redis to the thread that waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from billing.engines import bells, webhooks
from billing.engines.bells import Bell
from billing.engines.models import RemoteRequest
from billing.engines.webhooks import Keys
from tests.hosted import Hosted

pytestmark = pytest.mark.django_db(transaction=True)
FAR = 60.0  # seconds until the next look
wait = Bell.wait  # the fixture `hosted` replaces it


class Journey:
    """At each wait calls `before` with the request, ends the request there, and waits for its webhook."""

    def __init__(self, hosted: Hosted) -> None:
        self.hosted, self.before, self.slow = hosted, lambda row: None, 0

    def wait(self, bell: Bell, seconds: float) -> None:
        row = RemoteRequest.objects.filter(state="waiting", webhook_at=None).earliest("created_at")
        self.before(row)
        began = time.monotonic()
        self.hosted.fal.finish(row.request_id)
        wait(bell, FAR)
        self.slow += time.monotonic() - began > FAR / 2


@pytest.fixture
def journey(hosted: Hosted, live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Journey:
    settings.ORIGIN = live_server.url
    monkeypatch.setattr(webhooks, "keys", Keys(webhooks.fetch))
    hosted.fal.pace(hold=True)
    made = Journey(hosted)
    monkeypatch.setattr(bells.Bell, "wait", lambda bell, seconds: made.wait(bell, seconds))
    return made


def ended(training: Any) -> tuple[str, int]:
    training.refresh_from_db()
    return training.status, training.captured


def test_a_training_ends_by_its_webhooks(journey: Journey, work: Callable[[], int]) -> None:
    fal = journey.hosted.fal
    training = journey.hosted.train()
    work()
    assert ended(training) == ("succeeded", 80)
    assert journey.slow == 0
    assert [(row["status"], row["answer"]) for row in fal.webhooks] == [("OK", 200)] * 3
    assert RemoteRequest.objects.filter(webhook_at=None).count() == 0
    assert len([row for row in fal.requests if row["path"].endswith("/jwks.json")]) == 1


def test_forged_stale_and_second_webhooks_change_nothing(journey: Journey, work: Callable[[], int]) -> None:
    fal, answered = journey.hosted.fal, []

    def tries(row: RemoteRequest) -> None:
        answered.extend([fal.webhook(row.request_id, forged=True), fal.webhook(row.request_id, stale=True)])
        for hours in (1, -1):
            fal.advance(hours * 3600)
            answered.append(fal.webhook(row.request_id))
            fal.advance(-hours * 3600)
        assert RemoteRequest.objects.get(id=row.id).webhook_at is None
        journey.before = lambda row: None

    journey.before = tries
    training = journey.hosted.train()
    work()
    assert (ended(training), answered) == (("succeeded", 80), [False] * 4)
    rows = list(RemoteRequest.objects.order_by("id").values())
    assert all(fal.webhook(row["request_id"]) for row in rows)
    assert list(RemoteRequest.objects.order_by("id").values()) == rows
    assert journey.slow == 0


def test_a_webhook_may_come_before_the_answer(journey: Journey, work: Callable[[], int]) -> None:
    fal = journey.hosted.fal
    fal.scenario("webhook_early", model=fal.TRAINER)
    training = journey.hosted.train()
    work()
    assert ended(training) == ("succeeded", 80)
    row = RemoteRequest.objects.get(work="training")
    [run] = fal.submitted(fal.TRAINER)
    assert (row.state, row.request_id, row.webhook_at is None) == ("delivered", run["id"], False)
