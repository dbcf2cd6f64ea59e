"""Real trainings on the nano base. Killed and evicted workers do not change the resulting weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from billing import audit, ledger
from tests.processes import Workers, ended, evict, kill, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.train]
STEPS = 36  # the last three checkpoints are at 24, 30 and 36


@pytest.fixture
def drawn_twin(twin: Any) -> Any:
    """Ten photos of a drawn woman, with the columns and files that a check writes."""
    from accounts.vault.vault import store
    from ml import media
    from ml.drawn.people import random_person, varied_scenes
    from ml.drawn.portraits import draw
    from twins.models import Photo

    rng = np.random.default_rng([6, 0])
    person = random_person(rng)
    for i, scene in enumerate(varied_scenes(rng, 10)):
        photo = Photo.objects.create(user=twin.user, twin=twin, status="succeeded", accepted=True, hash=i)
        store(twin.user_id).write(photo.clean, media.encode_jpeg(draw(person, scene, 768, 768), 92))
    ledger.grant(ledger.wallet_of(twin.user), 20, cause="test")
    return twin


def ask(twin: Any) -> Any:
    from twins.models import Training
    from twins.services import start_training

    training = start_training(twin, seed=5, steps=STEPS)
    Training.objects.filter(id=training.id).update(threads=1)
    return training


def tensors(training: Any) -> dict[str, Any]:
    from accounts.vault.vault import store
    from ml.local.weights import parse

    return parse(store(training.user_id).read(training.lora), training.sha256)[0]


def stage_of(training: Any) -> str:
    training.refresh_from_db()
    return str(training.stage)


def test_a_training_whose_workers_were_killed_and_evicted_ends_with_the_same_weights(
    drawn_twin: Any, workers: Workers
) -> None:
    import torch

    from accounts.vault.vault import store

    first = workers.start("train", studio="real")
    whole = ask(drawn_twin)
    wait_for(lambda: ended(whole))
    cut = ask(drawn_twin)
    checkpoint = f"{cut.folder}/checkpoint.safetensors"
    wait_for(lambda: store(cut.user_id).exists(checkpoint))
    kill(first, cut)
    assert ended(cut) is False
    second = workers.start("train", studio="real")
    wait_for(lambda: stage_of(cut) == "choosing the best")
    evict(second)
    workers.start("train", studio="real")
    wait_for(lambda: ended(cut))
    a, b = tensors(whole), tensors(cut)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert (cut.attempt, cut.crashes, cut.captured) == (3, 1, 20)
    assert second.wait(10) == 0
    assert not store(cut.user_id).exists(checkpoint)
    assert audit.problems() == []
