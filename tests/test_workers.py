"""Real worker processes: a killed worker is replaced, nothing is lost and nothing is charged twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from billing import audit, ledger
from billing.models import Plan
from config.runs.sweeper import sweep_kind
from tests.conftest import jpeg
from tests.processes import PREFORK, Workers, ended, evict, kill, lapse, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.workers]


def upload(client: Any, twin: Any, number: int) -> None:
    file = SimpleUploadedFile(f"{number}.jpg", jpeg(number * 9))
    sent = client.post(f"/api/v1/twins/{twin.id}/photos", {"file": file}, format="multipart")
    assert sent.status_code == 201


def test_a_killed_worker_is_replaced_and_the_training_goes_on_where_it_was(
    twin: Any, photos: list[Any], workers: Workers
) -> None:
    from twins.services import start_training

    workers.hold("training 0.33")
    workers.start("train")
    training = start_training(twin)
    kill(wait_for(lambda: workers.at("training 0.33")), training)
    workers.let_go()
    workers.start("train")
    wait_for(lambda: ended(training))
    assert (training.status, training.attempt, training.crashes) == ("succeeded", 2, 1)
    assert steps_of_training(workers) == ["0.17", "0.33", "0.50", "0.67", "0.83", "1.00"]
    assert audit.problems() == []


def steps_of_training(workers: Workers) -> list[str]:
    return [line.split()[1] for line in workers.steps() if line.startswith("training")]


STAGES = ("preparing", "measuring the base", "training 0.50", "choosing the best", "finishing")


@pytest.mark.thorough  # by default a worker is killed, above, and one that checks photos is evicted, below
@pytest.mark.parametrize("stages", [STAGES[2:4], STAGES], ids=["twice", "in each stage"])
def test_a_training_that_is_evicted_again_and_again_ends_well(
    twin: Any, photos: list[Any], workers: Workers, stages: tuple[str, ...]
) -> None:
    """Each worker gets SIGTERM in another stage, and the next worker resumes from the checkpoint. No step
    runs twice."""
    from twins.services import start_training

    workers.hold(stages[0])
    workers.start("train", pool=(*PREFORK, "1"))
    training, evicted = start_training(twin), []
    for stage, following in zip(stages, [*stages[1:], ""]):
        workers.start("train", pool=(*PREFORK, "1"))
        evicted.append(wait_for(lambda stage=stage: workers.at(stage)))
        evict(evicted[-1])
        workers.hold(following) if following else workers.let_go()
    wait_for(lambda: ended(training))
    assert (training.status, training.attempt, training.crashes) == ("succeeded", len(stages) + 1, 0)
    assert steps_of_training(workers) == ["0.17", "0.33", "0.50", "0.67", "0.83", "1.00"]
    assert [worker.wait(10) for worker in evicted] == [0] * len(stages)
    assert audit.problems() == []


def test_the_checks_that_a_worker_is_busy_with_when_it_is_told_to_stop_are_finished_or_handed_back(
    as_alice: Any, twin: Any, workers: Workers
) -> None:
    from twins.models import Photo

    workers.hold("inspecting")
    busy = workers.start("cpu", pool=(*PREFORK, "2"))
    for i in range(4):
        upload(as_alice, twin, i)
    wait_for(lambda: len(workers.steps()) == 2)
    evict(busy)
    workers.start("cpu", pool=(*PREFORK, "2"))
    workers.let_go()
    wait_for(lambda: not Photo.objects.open().exists())
    assert set(Photo.objects.values_list("status", "accepted", "crashes")) == {("succeeded", True, 0)}
    assert busy.wait(10) == 0


def test_after_the_third_lost_worker_the_credits_come_back(trained: Any) -> None:
    """Uses claims whose lease expires at once, without worker processes."""
    from generation.models import Job
    from generation.services import request_images

    job = request_images(trained.user, twin=trained, prompt="in a park", count=2)
    for _ in range(3):
        claimed = Job.claim(job.id)
        assert claimed
        lapse(claimed)
        sweep_kind(Job)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "worker_lost")
    assert ledger.balance(ledger.wallet_of(trained.user)).available == 3


def test_a_stop_is_seen_at_the_next_step(twin: Any, photos: list[Any], workers: Workers) -> None:
    from twins.services import start_training

    workers.hold()
    workers.start("train")
    training = start_training(twin)
    wait_for(workers.steps)
    training.cancel()
    workers.let_go()
    wait_for(lambda: ended(training))
    assert training.status == "cancelled"
    assert len(workers.steps()) <= 2


@pytest.mark.thorough  # by default tests/test_crash.py kills a worker between two pictures
def test_a_killed_renderer_is_replaced_and_every_picture_is_made_and_paid_once(
    alice: Any, workers: Workers
) -> None:
    from gallery.models import Item
    from generation.services import request_images

    twin = trained_twin(alice)
    workers.hold()
    first = workers.start("render")
    job = request_images(alice, twin=twin, prompt="in a park", count=3, seed=5)
    wait_for(workers.steps)
    kill(first, job)
    workers.let_go()
    workers.start("render")
    wait_for(lambda: ended(job))
    assert (job.status, job.attempt, job.captured) == ("succeeded", 2, 3)
    assert sorted(Item.objects.filter(job=job.id).values_list("index", flat=True)) == [0, 1, 2]
    assert len(files_of(alice, "items/")) == 2 * 3
    assert audit.problems() == []


def files_of(user: Any, folder: str) -> list[str]:
    from django.utils import timezone

    from accounts.vault.storage import storage_of

    found = storage_of(user.id).old_files(timezone.now() + timedelta(days=1))
    return [name for name in found if name.startswith(folder)]


def test_redis_stopped_under_a_working_worker_costs_nothing_but_time(
    as_alice: Any, alice: Any, workers: Workers
) -> None:
    from generation.models import Job
    from tests.plugin import SERVICES

    twin, redis = trained_twin(alice), SERVICES[1]
    workers.start("render")
    body = {"twin": str(twin.id), "prompt": "in a park"}
    before = Job.objects.get(id=as_alice.post("/api/v1/generations", body, format="json").json()["id"])
    wait_for(lambda: ended(before))
    redis.stop()
    try:
        asked = as_alice.post("/api/v1/generations", body, format="json")
        assert (asked.status_code, asked.json()["status"]) == (202, "queued")
        login = {"email": "alice@example.com", "password": "a long password"}
        assert as_alice.post("/_allauth/app/v1/auth/login", login, format="json").status_code in (200, 409)
    finally:
        redis.start()
    job = Job.objects.get(id=asked.json()["id"])

    wait_for(lambda: enqueued_again(job))
    assert (before.status, job.status) == ("succeeded", "succeeded")
    assert audit.problems() == []


def enqueued_again(job: Any) -> bool:
    """Makes the sweeper send another wake-up. Returns whether the job has ended."""
    type(job).objects.filter(id=job.id).update(enqueued_at=None)
    sweep_kind(type(job))
    return ended(job)


def test_every_picture_is_of_its_own_twin_whoever_renders_it(
    as_alice: Any, as_bob: Any, alice: Any, bob: Any, workers: Workers
) -> None:
    """Two workers take ten alternating jobs of two users. Each picture encodes the checksum of its
    LoRA."""
    from tests.studio import lora_in

    owners = {}
    for client, user in ((as_alice, alice), (as_bob, bob)):
        owners[client] = trained_twin(user)
    workers.start("render")
    workers.start("render")
    jobs = []
    Plan.objects.update(jobs=0)  # no limit on open jobs
    for i in range(10):
        client = (as_alice, as_bob)[i % 2]
        asked = client.post(
            "/api/v1/generations",
            {"twin": str(owners[client].id), "prompt": "in a park", "seed": i},
            format="json",
        )
        assert asked.status_code == 202, asked.content
        jobs.append((client, asked.json()["id"]))
    for client, job in jobs:
        wait_for(lambda c=client, j=job: c.get(f"/api/v1/generations/{j}").json()["status"] == "succeeded")
        (item,) = client.get(f"/api/v1/generations/{job}").json()["items"]
        picture = b"".join(client.get(f"/api/v1/items/{item}/content"))
        assert lora_in(picture).hex() == owners[client].active_training.sha256[:60]
    assert audit.problems() == []


def trained_twin(user: Any, weights: bytes = b"") -> Any:
    """A trained twin with `weights` (or weights unique to the user) and credits for twenty pictures."""
    import hashlib

    from accounts import consents
    from accounts.vault.vault import store
    from twins.models import Training, Twin

    consents.give(user, kind="biometric_twin", version=consents.WORDING["biometric_twin"][0])
    ledger.grant(ledger.wallet_of(user), 20, cause=f"test:{user.id}")
    twin = Twin.objects.create(user=user, name="Me")
    weights = weights or f"the weights of {user.email}".encode()
    training = Training(
        user=user,
        twin=twin,
        number=1,
        base="nano",
        status="succeeded",
        sha256=hashlib.sha256(weights).hexdigest(),
    )
    training.save()
    store(user.id).write(training.lora, weights)
    twin.active_training = training
    twin.save()
    return twin
