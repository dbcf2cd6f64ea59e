"""The table of jobs holds kinds with different queues, prices and results. Here, a kind delivers a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.vault.vault import store
from billing import audit, ledger
from config.runs.places import Places
from config.runs.sweeper import sweep_kind
from config.web.event_stream import snapshot
from generation import kinds
from generation.kinds import RENDER
from generation.models import Job
from generation.services import request_images, request_job
from ml.types import Progress

pytestmark = pytest.mark.django_db


class LineKind:
    name, label, task, queue = "line", "lines", RENDER, "cpu"

    def price(self, job: Job) -> int:
        return 3 * job.count

    def make(self, job: Job, index: int, on_progress: Progress) -> str:
        return f"{job.prompt}, {index}"

    def is_recognised(self, job: Job, result: str) -> bool:
        return True

    def save(self, job: Job, ident: UUID, result: str) -> dict[str, Any]:
        store(job.user_id).write(f"lines/{ident}.txt", result.encode())
        return {}

    def record(self, job: Job, index: int, ident: UUID, result: str, facts: dict[str, Any]) -> None:
        pass

    def discard(self, job: Job, ident: UUID) -> None:
        store(job.user_id).delete(f"lines/{ident}.txt")


@pytest.fixture
def line(trained: Any, on_commit: Callable[..., Any]) -> Iterator[Job]:
    """A queued job of this kind."""
    kinds.register(LineKind())
    yield on_commit(
        lambda: request_job(Job(kind="line", user=trained.user, twin=trained, prompt="in a park"))
    )
    kinds.unregister("line")


@pytest.fixture
def on_commit(django_capture_on_commit_callbacks: Any) -> Callable[..., Any]:
    def act(what: Callable[[], Any]) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return what()

    return act


def test_a_job_of_another_kind_has_its_own_price_queue_and_name(line: Job, wake_ups: list[Any]) -> None:
    assert wake_ups == [(RENDER, str(line.id), "cpu")]
    assert (line.price, line.cause) == (3, f"line:{line.id}")
    assert ledger.balance(ledger.wallet_of(line.user)).held == 3
    assert [row["kind"] for row in snapshot(line.user) if row["id"] == line.id] == ["line"]
    assert audit.problems() == []


def test_it_delivers_its_own_result_and_captures_its_price(line: Job, work: Callable[[], int]) -> None:
    assert work() == 1
    line.refresh_from_db()
    assert (line.status, line.captured) == ("succeeded", 3)
    output = line.outputs.get()
    assert store(line.user_id).read(f"lines/{output.item}.txt") == b"in a park, 0"
    assert audit.problems() == []


def test_each_queue_has_places_and_workers_of_its_own(
    line: Job, wake_ups: list[Any], work: Callable[[], int], on_commit: Callable[..., Any]
) -> None:
    ledger.grant(ledger.wallet_of(line.user), 1, cause="test")
    image = on_commit(lambda: request_images(line.user, twin=line.twin, prompt="in a park"))
    assert [Places().of(line), Places().of(image)] == [1, 1]
    wake_ups[:] = [wake_up for wake_up in wake_ups if wake_up.queue == "render"]
    assert work() == 1
    line.refresh_from_db()
    image.refresh_from_db()
    assert (line.status, image.status) == ("queued", "succeeded")


def test_the_sweeper_wakes_the_workers_of_the_rows_queue(line: Job, wake_ups: list[Any]) -> None:
    wake_ups.clear()
    Job.objects.update(enqueued_at=None)
    assert sweep_kind(Job) == 1
    assert wake_ups == [(RENDER, str(line.id), "cpu")]


def test_a_hidden_job_is_in_no_list(as_alice: Any, line: Job) -> None:
    assert len(as_alice.get("/api/v1/generations").json()["results"]) == 1
    Job.objects.update(shown=False)
    assert as_alice.get("/api/v1/generations").json()["results"] == []


def test_a_job_of_a_kind_that_is_gone_stops_nothing_else(
    as_alice: Any, line: Job, work: Callable[[], int], wake_ups: list[Any], on_commit: Callable[..., Any]
) -> None:
    """A newer version was taken back: its jobs wait, running or not."""
    wake_ups.clear()
    Job.claim(line.id)
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    known = kinds.get("line")
    kinds.unregister("line")
    try:
        assert on_commit(lambda: sweep_kind(Job)) == 1
        assert work() == 1  # the wake-up finds nothing to do
        assert as_alice.get("/api/v1/generations").json()["results"][0]["status"] == "queued"
        assert len(snapshot(line.user)) > 1
        assert as_alice.post(f"/api/v1/generations/{line.id}/repeat", {}, format="json").status_code == 503
    finally:
        kinds.register(known)
    Job.objects.update(enqueued_at=None)
    assert sweep_kind(Job) == 1
    assert work() == 1
    assert line.outputs.count() == 1
