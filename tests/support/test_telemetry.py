"""The export of events: off, anonymous, and each event once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from config.start import env
from generation.models import Job
from support.tasks import export
from support.telemetry.models import Exported
from tests.receiver import Receiver
from tests.support.rows import at, job, training
from twins.models import Training, Twin

pytestmark = pytest.mark.django_db
PRIVATE = ("a secret prompt", "alice", "example.com", "+34600", "Alice Liddell", "My twin", "photo.jpg")


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: at(3))


@pytest.fixture
def posthog(settings: Any) -> Iterator[Receiver]:
    with Receiver() as receiver:
        settings.POSTHOG_KEY, settings.POSTHOG_HOST = "phc_test", receiver.url("")
        yield receiver


@pytest.fixture
def busy(alice: User) -> User:
    """An hour ago alice joined and worked; the export was on."""
    now = timezone.now()
    then = {"created_at": now - timedelta(hours=1), "started_at": now - timedelta(minutes=50)}
    alice.display_name, alice.phone = "Alice Liddell", "+34600111222"
    alice.date_joined = now - timedelta(hours=1)
    alice.save()
    job(alice, 5, finished_at=now - timedelta(minutes=49), **then)
    Job.objects.update(prompt="a secret prompt")
    training(alice, 5, finished_at=now - timedelta(minutes=40), status="failed", error_code="x", **then)
    Twin.objects.update(name="My twin")
    Exported.objects.create(until=now - timedelta(hours=2))
    return alice


def sent(receiver: Receiver) -> list[dict[str, Any]]:
    return [event for taken in receiver.taken for event in json.loads(taken.body)["batch"]]


def test_nothing_is_sent_without_a_key(busy: User, settings: Any) -> None:
    with Receiver() as receiver:
        settings.POSTHOG_HOST = receiver.url("")
        assert (settings.POSTHOG_KEY, export(), receiver.taken) == ("", 0, [])


def test_what_happened_is_sent_once_in_posthogs_form(busy: User, posthog: Receiver) -> None:
    assert export() == 3
    assert export() == 0
    (taken,) = posthog.taken
    body = json.loads(taken.body)
    assert (taken.path, body["api_key"], body["historical_migration"]) == ("/batch/", "phc_test", False)
    joined, *work = body["batch"]
    assert joined["event"] == "account created"
    facts = {each["properties"]["kind"]: each["properties"] for each in work}
    assert (facts["image"]["status"], facts["image"]["wait_seconds"]) == (
        "succeeded",
        pytest.approx(600, 0.1),
    )
    assert (facts["training"]["status"], facts["training"]["error_code"]) == ("failed", "x")
    for event in body["batch"]:
        assert event["properties"]["$process_person_profile"] is False
        assert event["properties"]["$ip"] is None


def test_no_face_no_words_no_address_and_no_id_is_sent(busy: User, posthog: Receiver) -> None:
    export()
    text = "".join(f"{taken.body.decode()}{taken.headers}" for taken in posthog.taken)
    rows = (*Twin.objects.all(), *Training.objects.all(), *Job.objects.all())
    ids = [busy.id, *(row.id for row in rows)]
    found = [word for word in (*PRIVATE, *map(str, ids), *(each.hex for each in ids)) if word in text]
    assert found == []


def test_a_person_has_one_id_on_a_day_and_another_on_the_next(busy: User, posthog: Receiver) -> None:
    export()
    first = {event["distinct_id"] for event in sent(posthog)}
    before = Exported.objects.get()
    Exported.objects.update(until=timezone.now() - timedelta(hours=2), day=before.day - timedelta(days=1))
    posthog.taken.clear()
    export()
    again = {event["distinct_id"] for event in sent(posthog)}
    assert (len(first), len(again), first & again) == (1, 1, set())
    assert Exported.objects.get().salt != before.salt


def test_a_host_that_refuses_gets_it_the_next_time(busy: User, posthog: Receiver, settings: Any) -> None:
    settings.POSTHOG_HOST = posthog.url("/later/9")
    assert export() == 0
    settings.POSTHOG_HOST = posthog.url("")
    assert export() == 3
    assert len({event["uuid"] for event in sent(posthog)}) == 3  # the second try has the ids of the first


@pytest.mark.parametrize("url", ["http://example.com", "example.com", "ftp://x", "https:/"])
def test_an_address_without_tls_stops_the_start(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOG_HOST", url)
    with pytest.raises(env.Misconfigured):
        env.web("POSTHOG_HOST", "")
