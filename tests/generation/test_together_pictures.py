"""Pictures at Together: what the user sees, what the ledger holds, what was sent. One request of theirs for
each picture, which waits for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core import mail
from django.test import Client, TestCase

from accounts.vault.vault import store
from billing import audit, ledger
from billing.engines.models import RemoteRequest
from config import registry, studio
from config.runs import circuit
from config.runs.circuit import Circuit
from config.runs.sentences import SENTENCES
from gallery.models import Item
from generation.services import request_images
from generation.tasks import render
from ml.likeness import facts_of
from ml.provenance import Signer
from ml.remote import engine as engines
from ml.remote.desk import InProcess
from ml.remote.engine import open_remote
from ml.remote.lora import with_facts
from ml.remote.settings import Remote
from tests.conftest import client_of
from tests.engines import agree, prove, version_of
from tests.ml.doubles import CentredFaces, Said
from tests.ml.remote import SMALL
from tests.remote import TogetherDouble
from tests.remote.made import lora

pytestmark = pytest.mark.django_db
FACES = facts_of(np.eye(4, dtype=np.float32), "drawn-contrast-1")
SITE = "https://photoflux.example"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What they asked us to wait, in place of waiting."""
    told: list[float] = []
    monkeypatch.setattr(engines, "pause", lambda seconds, tell: told.append(seconds))
    return told


@pytest.fixture
def there(
    together: TogetherDouble, settings: Any, tmp_path: Path, detector: Said, waits: list[float], wake_ups: Any
) -> Iterator[TogetherDouble]:
    """Together, with the engine of a worker but for its small pictures and quick faces."""
    remote = Remote("together", tuple(together.keys), together.address, together.LORA_MODEL)
    settings.REMOTES = {"together": remote}
    settings.STUDIO_PROFILES = ["nano", "together"]
    settings.SECURE, settings.ORIGIN = True, SITE
    desk = InProcess(CentredFaces(), Signer.open(tmp_path))
    how = {"desk": desk, "circuit": Circuit(), "on_refused": registry.key_refused}
    made = open_remote("together", remote, keys=tmp_path, **how)
    made.base = replace(made.base, sizes=SMALL)
    made.together.http.sleep = lambda seconds: None
    studio.use_engine("together", made)
    Circuit().worked("together")
    yield together
    studio.use_engine("together", None)
    Circuit().worked("together")
    assert (together.breaches, together.waiting) == ([], [])


def asked(user: Any, **more: Any) -> Any:
    """A job at Together, for which the price is held."""
    ledger.grant(ledger.wallet_of(user), 10, cause="test")
    recipe = {"twin": None, "prompt": "in a park", "count": 1, "seed": 5, "engine": "together"} | more
    with TestCase.captureOnCommitCallbacks(execute=True):
        job = request_images(user, **recipe)
    assert job.queue == "remote"
    assert ledger.balance(ledger.wallet_of(user)).held == job.held > 0
    return job


def painted(job: Any) -> Any:
    with TestCase.captureOnCommitCallbacks(execute=True):
        render(str(job.id))
    job.refresh_from_db()
    assert audit.problems() == []
    assert ledger.balance(ledger.wallet_of(job.user)).held == 0
    return job


def submits(double: TogetherDouble) -> list[int]:
    """The statuses of the requests for pictures."""
    return [row["status"] for row in double.requests if row["path"].endswith("/images/generations")]


# Scenario of the double -> (how often, what it answered, what we waited)
ARRIVES: dict[str, tuple[dict[str, Any], list[int], list[float]]] = {
    "": ({}, [200], []),
    "by_address": ({}, [200], []),
    "busy": ({"retry_after": 2}, [429, 200], [2.0]),
    "away": ({"times": 2}, [503, 503, 200], [1.0, 2.0]),
}


@pytest.mark.parametrize("name", ARRIVES)
def test_what_arrives_is_paid_once(there: TogetherDouble, alice: Any, waits: list[float], name: str) -> None:
    how, statuses, told = ARRIVES[name]
    if name:
        there.scenario(name, **how)
    job = asked(alice)
    before = ledger.balance(ledger.wallet_of(alice))
    job = painted(job)
    assert (job.status, job.error_code, job.captured) == ("succeeded", "", job.price)
    assert ledger.balance(ledger.wallet_of(alice)).available == before.available
    assert list(Item.objects.values_list("engine", "twin")) == [("together", None)]
    row = RemoteRequest.objects.get()
    assert (row.state, row.work, row.service) == ("delivered", "picture-5", "together")
    assert (submits(there), waits) == (statuses, told)


# Scenario -> (its parameters, our code, how many requests, how ours is remembered)
FAILS: dict[str, tuple[dict[str, Any], str, int, str]] = {
    "unknown_field": ({}, "engine_failed", 1, "failed"),
    "unpaid": ({}, "engine_unpaid", 1, "failed"),
    "model_gone": ({}, "engine_model_gone", 1, "failed"),
    "model_deprecated": ({}, "engine_model_gone", 1, "failed"),
    "content_policy": ({}, "result_refused", 1, "refused"),
    "black": ({}, "result_refused", 1, "delivered"),
    "busy": ({"retry_after": 90}, "engine_busy", 1, "failed"),
    "expired": ({}, "result_gone", 1, "delivered"),
    "private_address": ({}, "result_bad", 1, "delivered"),
}


@pytest.mark.parametrize("name", FAILS)
def test_what_does_not_arrive_costs_nothing_and_is_said(there: TogetherDouble, alice: Any, name: str) -> None:
    how, code, count, state = FAILS[name]
    there.scenario(name, **how)
    job = asked(alice)
    before = ledger.balance(ledger.wallet_of(alice))
    job = painted(job)
    assert (job.status, job.error_code, job.captured) == ("failed", code, 0)
    assert ledger.balance(ledger.wallet_of(alice)).available == before.available + before.held
    said = client_of(alice).get(f"/api/v1/generations/{job.id}").json()
    assert said["error"] == {"code": code, "detail": str(SENTENCES[code])}
    assert (len(submits(there)), RemoteRequest.objects.get().state) == (count, state)
    assert not Item.objects.exists()


def test_a_picture_that_cannot_be_fetched_now_is_booked_and_made_again(
    there: TogetherDouble, alice: Any
) -> None:
    there.scenario("by_address")
    there.scenario("away", at="file", times=3)
    job = asked(alice)
    with TestCase.captureOnCommitCallbacks(execute=True):
        render(str(job.id))
    job.refresh_from_db()
    assert (job.status, job.stage, job.crashes) == ("queued", "engine_away", 0)
    job = painted(job)
    assert (job.status, job.captured) == ("succeeded", job.price)
    rows = RemoteRequest.objects.order_by("created_at").values_list("state", flat=True)
    assert (list(rows), submits(there)) == (["written_off", "delivered"], [200, 200])


@pytest.fixture
def trained(twin: Any, photos: list[Any]) -> Any:
    """A twin that Together may render."""
    agree(twin.user, "engine_together")
    prove(twin, photos)
    data = with_facts(lora(b"alice"), {"base": "flux-schnell", **FACES})
    version = version_of(twin, "flux-schnell", sha256=hashlib.sha256(data).hexdigest())
    store(twin.user_id).write(version.lora, data)
    return twin


@pytest.mark.django_db(transaction=True)
def test_a_twin_is_read_at_our_address_while_its_job_runs(
    there: TogetherDouble, trained: Any, live_server: Any, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "photoflux.example"]
    there.finds(SITE, live_server.url)
    job = painted(asked(trained.user, twin=trained))
    assert (job.status, job.error_code, job.captured) == ("succeeded", "", job.price)
    assert Item.objects.get().likeness is not None
    [sent] = there.generated(there.LORA_MODEL)
    path = sent["image_loras"][0]["path"].removeprefix(SITE)
    assert Client().get(path).status_code == 404


def test_a_twin_that_they_cannot_read(there: TogetherDouble, trained: Any) -> None:
    job = painted(asked(trained.user, twin=trained))
    assert (job.status, job.error_code, job.captured) == ("failed", "engine_failed", 0)
    [call] = [row for row in there.requests if row["method"] == "POST"]
    assert call["status"] == 400
    [sent] = call["body"]["image_loras"]
    assert sent["path"].startswith(f"{SITE}/hooks/lora/")
    assert RemoteRequest.objects.get().state == "failed"


def test_when_all_keys_are_refused_staff_hear_of_each(
    there: TogetherDouble, alice: Any, django_user_model: Any
) -> None:
    django_user_model.objects.create_superuser(email="root@example.com", password="a long password")
    there.revoke(*there.keys)
    for key in circuit.client().scan_iter("told:*"):
        circuit.client().delete(key)
    job = painted(asked(alice))
    assert (job.status, job.error_code, job.captured) == ("failed", "engine_key_refused", 0)
    told = [message for message in mail.outbox if message.to == ["root@example.com"]]
    assert len(told) == len(there.keys) == 2
    assert not any(key in message.body for key in there.keys for message in told)
    assert submits(there) == [401, 401]
