"""Pictures at a service: what the user sees, what the ledger holds, what was sent; and runs that end while
their requests are open there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import TestCase
from django.utils import timezone

from accounts import consents
from billing import audit
from billing.engines.models import RemoteCopy, RemoteRequest
from billing.tasks import settle_remote
from gallery.models import Item
from generation.tasks import render
from tests.hosted import Hosted
from twins import services
from twins.tasks import train

pytestmark = pytest.mark.django_db


def picture(hosted: Hosted, count: int = 1, **more: Any) -> Any:
    """A job without a twin."""
    job = hosted.paint(count, twin=None, engine="fal", **more)
    assert job.queue == "remote"
    return job


def once(job: Any) -> Any:
    with TestCase.captureOnCommitCallbacks(execute=True):
        render(str(job.id))
    job.refresh_from_db()
    assert audit.problems() == []
    return job


def ended(job: Any) -> tuple[str, str, int]:
    return job.status, job.error_code, job.captured


def test_pictures_are_made_there_and_paid_here(hosted: Hosted) -> None:
    job = once(picture(hosted, 2))
    assert ended(job) == ("succeeded", "", 2)
    assert hosted.said() == {"picture-5": ["delivered"], "picture-6": ["delivered"]}
    assert list(Item.objects.order_by("index").values_list("index", "engine")) == [(0, "fal"), (1, "fal")]
    assert [row.cents for row in RemoteRequest.objects.all()] == [3.5, 3.5]


@pytest.mark.parametrize("name", ["nsfw", "content_policy"])
def test_what_they_refuse_costs_nothing_and_is_no_strike(hosted: Hosted, name: str) -> None:
    hosted.fal.scenario(name, model=hosted.fal.PICTURES)
    job = once(picture(hosted, 2))
    assert ended(job) == ("succeeded", "", 1)
    assert sorted(hosted.said().items()) == [("picture-5", ["refused"]), ("picture-6", ["delivered"])]


def test_all_refused_fails_with_its_sentence(hosted: Hosted) -> None:
    hosted.fal.scenario("nsfw", model=hosted.fal.PICTURES)
    assert ended(once(picture(hosted))) == ("failed", "result_refused", 0)


def test_a_lost_answer_is_named_by_the_webhook(hosted: Hosted) -> None:
    hosted.fal.scenario("answer_lost", model=hosted.fal.PICTURES)
    job = picture(hosted)
    hosted.waited = lambda: RemoteRequest.objects.filter(state="sending").update(request_id=the_id(hosted))
    assert ended(once(job)) == ("succeeded", "", 1)
    assert hosted.said() == {"picture-5": ["delivered"]}


def the_id(hosted: Hosted) -> str:
    hosted.fal.finish()
    return str(hosted.fal.submitted()[-1]["id"])


# ---------------------------------------------------------------- what ends while it runs there


def waiting(hosted: Hosted, told_to_stop: Any) -> Any:
    """A job whose worker was told to stop while it waited there."""
    told_to_stop.clear()
    hosted.fal.pace(hold=True)
    hosted.waited = told_to_stop.set
    job = once(picture(hosted))
    told_to_stop.clear()
    assert (job.status, set(sum(hosted.said().values(), []))) == ("queued", {"waiting"})
    return job


def states(hosted: Hosted) -> list[tuple[str, bool]]:
    cancelled = {run["id"]: run["cancelled"] for run in hosted.fal.submitted()}
    rows = RemoteRequest.objects.order_by("created_at").values_list("state", "request_id")
    return [(state, cancelled[ident]) for state, ident in rows]


def test_a_cancel_travels(hosted: Hosted, told_to_stop: Any, work: Any) -> None:
    job = waiting(hosted, told_to_stop)
    with TestCase.captureOnCommitCallbacks(execute=True):
        job.cancel()
    work()  # the end of the job has woken the settling
    assert states(hosted) == [("cancelled", True)]
    job.refresh_from_db()
    assert ended(job) == ("cancelled", "", 0)


def test_a_cancel_that_comes_too_late_is_booked(hosted: Hosted, told_to_stop: Any) -> None:
    job = waiting(hosted, told_to_stop)
    hosted.fal.finish()
    job.cancel()
    settle_remote()
    assert states(hosted) == [("cancelled", False)]
    assert RemoteRequest.objects.get().cents == 3.5


def test_a_cancel_of_what_had_failed_there_books_nothing(hosted: Hosted, told_to_stop: Any) -> None:
    hosted.fal.scenario("failed", model=hosted.fal.PICTURES)
    job = waiting(hosted, told_to_stop)
    hosted.fal.finish()
    job.cancel()
    settle_remote()
    assert states(hosted) == [("cancelled", False)]
    assert RemoteRequest.objects.get().cents == 0


def test_withdrawing_the_consent_to_the_company_stops_what_is_there(
    hosted: Hosted, told_to_stop: Any, django_capture_on_commit_callbacks: Any
) -> None:
    told_to_stop.clear()
    hosted.fal.pace(hold=True)
    hosted.waited = told_to_stop.set
    training = hosted.train()
    with django_capture_on_commit_callbacks(execute=True):
        train(str(training.id))
    told_to_stop.clear()
    with django_capture_on_commit_callbacks(execute=True):
        consents.withdraw(training.user, kind="engine_fal")
    settle_remote()
    training.refresh_from_db()
    assert (training.status, states(hosted)) == ("cancelled", [("cancelled", True)])
    assert training.captured == 0


def test_a_deleted_twin_takes_its_training_there_along(hosted: Hosted, told_to_stop: Any) -> None:
    told_to_stop.clear()
    hosted.fal.pace(hold=True)
    hosted.waited = told_to_stop.set
    training = hosted.train()
    with TestCase.captureOnCommitCallbacks(execute=True):
        train(str(training.id))
    told_to_stop.clear()
    with TestCase.captureOnCommitCallbacks(execute=True):
        services.delete_twin(hosted.twin)
    settle_remote()
    assert states(hosted) == [("cancelled", True)]


def test_an_erased_account_leaves_ids_alone(hosted: Hosted, told_to_stop: Any) -> None:
    job = waiting(hosted, told_to_stop)
    job.user.delete()
    assert not type(job).objects.exists()
    settle_remote()
    row = RemoteRequest.objects.get()
    assert (states(hosted), row.run_id) == ([("cancelled", True)], job.id)
    held = {str(value) for value in row.__dict__.values()}
    assert not any(str(job.user_id) in value or "in a park" in value for value in held)


def test_they_are_asked_again_until_they_answer(hosted: Hosted, told_to_stop: Any) -> None:
    job = waiting(hosted, told_to_stop)
    hosted.fal.refuse()
    job.cancel()
    settle_remote()
    assert hosted.said() == {"picture-5": ["waiting"]}
    hosted.fal.listen()
    settle_remote()
    assert hosted.said() == {"picture-5": ["cancelled"]}


def test_expired_copies_are_forgotten(hosted: Hosted) -> None:
    now = timezone.now()
    for name, minutes in (("old", -1), ("live", 60)):
        RemoteCopy.objects.create(
            service="fal", name=name, url="https://x", expires_at=now + timedelta(minutes=minutes)
        )
    settle_remote()
    assert [copy.name for copy in RemoteCopy.objects.all()] == ["live"]
