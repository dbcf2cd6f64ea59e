"""The address at which Together reads a twin: for the running job alone, and without facts about a person."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import signing
from django.test import Client

from accounts import consents
from accounts.vault.vault import store
from billing.engines.journal import Journal
from generation.models import Job
from ml.remote.lora import with_facts
from ml.remote.settings import Remote
from tests.remote.made import lora
from tests.test_workers import trained_twin

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(alice: Any, settings: Any) -> Job:
    """A running job of alice's twin at Together."""
    settings.REMOTES = {"together": Remote("together", ("key",), lora_model="their/model")}
    settings.STUDIO_PROFILES = ["nano", "together"]
    settings.SECURE, settings.ORIGIN = True, "https://photoflux.example"
    twin = trained_twin(alice, weights=with_facts(lora(b"alice"), {"base": "flux-schnell", "vector": [0.1]}))
    kind = consents.kind_of("together")
    consents.give(alice, kind=kind, version=consents.WORDING[kind][0])
    made = {"twin": twin, "training": twin.active_training, "engine": "together"}
    return Job.objects.create(user=alice, prompt="in a park", seed=5, status="running", attempt=1, **made)


def address(job: Job) -> str:
    return Journal(job).copy("together", job.training.lora).removeprefix("https://photoflux.example")


def status(path: str) -> int:
    return int(Client().get(path).status_code)


def test_it_serves_the_weights_without_facts(job: Job) -> None:
    answer = Client().get(address(job))
    assert answer.status_code == 200
    assert b"flux-schnell" in store(job.user_id).read(job.training.lora)
    assert b"flux-schnell" not in answer.content
    assert answer["Cache-Control"] == "private, no-store"


def test_not_when_the_job_is_over_the_consent_gone_or_the_signature_wrong(job: Job) -> None:
    path = address(job)
    assert status(path[:-3] + "abc") == 404
    assert status(f"/hooks/lora/{signing.dumps(str(job.id), salt='other')}") == 404
    Job.objects.update(status="succeeded")
    assert status(path) == 404
    Job.objects.update(status="running")
    assert status(path) == 200
    consents.withdraw(job.user, kind="engine_together")
    assert status(path) == 404


def test_there_is_none_without_https_or_for_another_engine(job: Job, settings: Any) -> None:
    path = address(job)
    Job.objects.update(engine="fal")
    assert status(path) == 404
    settings.SECURE = False
    assert Journal(job).copy("together", "x") == ""
