"""What happens at fal without harm, and what its results may not do: as jobs and trainings of ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import TestCase

from billing import audit, ledger
from billing.engines.models import RemoteRequest
from config.runs.sentences import SENTENCES
from gallery.models import Item
from generation.models import Job
from generation.tasks import render
from ml import catalogue
from ml.remote import courier
from moderation.models import AuditEntry
from tests.conftest import client_of
from tests.hosted import Hosted

pytestmark = pytest.mark.django_db
Work = Callable[[], int]


def painted(hosted: Hosted, **more: Any) -> Any:
    """A job of one picture at fal, run by a worker."""
    job = hosted.paint(1, **({"twin": None, "engine": "fal"} | more))
    assert ledger.balance(ledger.wallet_of(job.user)).held == job.held > 0
    with TestCase.captureOnCommitCallbacks(execute=True):
        render(str(job.id))
    return settled(job)


def settled(run: Any) -> Any:
    run.refresh_from_db()
    assert audit.problems() == []
    assert ledger.balance(ledger.wallet_of(run.user)).held == 0
    return run


def ended(run: Any) -> tuple[str, str, int]:
    return run.status, run.error_code, run.captured


def test_it_waits_in_their_queue_and_says_so(hosted: Hosted) -> None:
    stages: list[str] = []
    hosted.waited = lambda: stages.extend(Job.objects.values_list("stage", flat=True))
    hosted.fal.scenario("slow_queue", model=hosted.fal.PICTURES, positions=4)
    job = painted(hosted)
    assert ended(job) == ("succeeded", "", job.price)
    looks = [row for row in hosted.fal.requests if row["path"].endswith("/status")]
    assert len(looks) > 4
    assert stages[:2] == ["waiting there 4", "waiting there 3"]
    assert hosted.waits == sorted(hosted.waits)
    assert len(hosted.fal.submitted()) == 1


def test_when_they_are_full_it_comes_again_when_told(hosted: Hosted, monkeypatch: Any) -> None:
    told: list[float] = []
    monkeypatch.setattr(courier, "pause", lambda seconds, tell: told.append(seconds))
    hosted.fal.scenario("busy", retry_after=2)
    job = painted(hosted)
    assert (ended(job), told) == (("succeeded", "", job.price), [2.0])
    assert hosted.said() == {"picture-5": ["failed", "delivered"]}
    assert [row.cents for row in RemoteRequest.objects.order_by("created_at")] == [0, 3.5]
    assert len(hosted.fal.submitted()) == 1


def test_without_its_webhook_a_picture_is_found_by_looking(hosted: Hosted) -> None:
    hosted.fal.scenario("webhook_lost", model=hosted.fal.PICTURES)
    job = painted(hosted)
    assert ended(job) == ("succeeded", "", job.price)
    assert (hosted.fal.webhooks, RemoteRequest.objects.get().webhook_at) == ([], None)


@pytest.mark.parametrize("name", ["nan", "duplicate", "bomb", "html", "private_address"])
def test_a_result_that_is_none_costs_nothing_and_is_said(hosted: Hosted, name: str) -> None:
    hosted.fal.scenario(name, model=hosted.fal.PICTURES)
    job = painted(hosted)
    assert ended(job) == ("failed", "result_bad", 0)
    said = client_of(job.user).get(f"/api/v1/generations/{job.id}").json()
    assert said["error"] == {"code": "result_bad", "detail": str(SENTENCES["result_bad"])}
    assert not Item.objects.exists()
    assert len(hosted.fal.submitted()) == 1


def test_a_training_whose_answer_has_nan_costs_nothing(hosted: Hosted, work: Work) -> None:
    hosted.fal.scenario("nan_answer", at="result")
    training = hosted.train()
    work()
    assert ended(settled(training)) == ("failed", "result_bad", 0)
    assert len(hosted.fal.submitted()) == 1


@pytest.mark.parametrize("hours", [-1, 1])
def test_their_clock_may_be_an_hour_off(hosted: Hosted, work: Work, hours: int) -> None:
    hosted.fal.advance(hours * 3600)
    training = hosted.train()
    work()
    assert ended(settled(training)) == ("succeeded", "", 80)
    hosted.twin.refresh_from_db()
    job = painted(hosted, twin=hosted.twin)
    assert ended(job) == ("succeeded", "", job.price)


def test_a_picture_that_is_too_unlike_is_delivered_and_free(
    hosted: Hosted, work: Work, monkeypatch: Any
) -> None:
    hosted.train()
    work()
    hosted.twin.refresh_from_db()
    monkeypatch.setitem(catalogue.BASES, "fal", replace(catalogue.BASES["fal"], floor=1.1))
    job = painted(hosted, twin=hosted.twin)
    assert ended(job) == ("succeeded", "", 0)
    item = Item.objects.get()
    assert (item.engine, item.likeness is not None, job.unlike()) == ("fal", True, 1)
    assert RemoteRequest.objects.get(work="picture-5").cents == 3.5


def test_what_they_refuse_is_no_mark_against_the_person(hosted: Hosted, work: Work) -> None:
    before = AuditEntry.objects.count()
    hosted.fal.scenario("content_policy", model=hosted.fal.TRAINER)
    hosted.fal.scenario("content_policy", model=hosted.fal.PICTURES)
    training = hosted.train()
    work()
    job = painted(hosted)
    assert ended(settled(training)) == ended(job) == ("failed", "result_refused", 0)
    assert AuditEntry.objects.count() == before
    training.user.refresh_from_db()
    assert training.user.is_active
