"""Samples of the checkpoints are shown while a training goes on, and go with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import TestCase

from accounts.vault.vault import store
from ml.errors import MLError
from tests.studio import EngineDouble, paint
from twins import services
from twins.models import Training

pytestmark = pytest.mark.django_db


@dataclass
class Painting(EngineDouble):
    """Stores a sample after two steps of four; `seen` is called then. May fail after it."""

    seen: Callable[[], None] = lambda: None
    fails: bool = False

    def train(self, spec: Any, *, store: Any, **rest: Any) -> Any:
        def on_step(stage: str, share: float) -> None:
            if (stage, share) == ("training", 0.5):
                store.write(f"{spec.name}/samples/0.png", paint(b"", 1))
                self.seen()
                if self.fails:
                    raise MLError("engine_failed", "")

        self.on_step = on_step
        return super().train(spec, store=store, **rest)


@pytest.fixture
def painting(photos: list[Any]) -> Any:
    from config import studio

    double = Painting()
    studio.use_engine("nano", double)
    yield double
    studio.use_engine("nano", None)


def test_a_sample_is_shown_as_it_comes_and_then_the_final_ones(
    as_alice: Any, as_bob: Any, client: Any, twin: Any, painting: Any, work: Callable[[], int]
) -> None:
    told: list[Any] = []

    def look() -> None:
        training = as_alice.get(f"/api/v1/twins/{twin.id}/trainings").json()["results"][0]
        (where,) = training["samples"]
        mine, other = as_alice.get(where), as_bob.get(where)
        client.force_login(twin.user)
        page = client.get(f"/twins/{twin.id}/").content.decode()
        told.append((training["status"], mine.status_code, other.status_code, where in page, mine["ETag"]))

    painting.seen = look
    with TestCase.captureOnCommitCallbacks(execute=True):
        services.start_training(twin, seed=1)
    work()
    assert told[0][:4] == ("running", 200, 404, True)
    (where,) = as_alice.get(f"/api/v1/twins/{twin.id}/trainings").json()["results"][0]["samples"]
    assert as_alice.get(where)["ETag"] != told[0][4]  # a browser asks again


def test_with_a_failed_training_its_samples_go(twin: Any, painting: Any, work: Callable[[], int]) -> None:
    painting.fails = True
    with TestCase.captureOnCommitCallbacks(execute=True):
        services.start_training(twin, seed=1)
    work()
    training = Training.objects.get()
    assert (training.status, training.samples) == ("failed", 0)
    assert not store(twin.user_id).exists(training.sample(0))


def test_a_late_worker_shows_none(twin: Any, photos: list[Any], wake_ups: list[Any]) -> None:
    services.start_training(twin, seed=1)
    Training.objects.get().show_samples(2)  # nobody has claimed it
    assert Training.objects.get().samples == 0
