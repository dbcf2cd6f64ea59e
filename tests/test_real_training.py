"""Real trainings, on the tiny base. Killed and evicted workers do not change the resulting weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from billing import audit, ledger
from tests.brief import use_told
from tests.processes import Workers, ended, evict, kill, wait_for
from tests.trained import drawn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.train]
STEPS = 12  # checkpoints at 9 and 12


@pytest.fixture
def drawn_twin(twin: Any) -> Any:
    """Ten photos of a drawn woman, with the columns and files that a check writes."""
    from accounts.vault.vault import store
    from twins.models import Photo

    for i, data in enumerate(drawn(6, 10)):
        photo = Photo.objects.create(user=twin.user, twin=twin, status="succeeded", accepted=True, hash=i)
        store(twin.user_id).write(photo.clean, data)
    ledger.grant(ledger.wallet_of(twin.user), 20, cause="test")
    return twin


@pytest.fixture
def workers(tmp_path: Path, tiny_folder: Path) -> Iterator[Workers]:
    made = Workers(tmp_path, STUDIO_SOURCES=f"nano={tiny_folder}")
    yield made
    made.stop()


@pytest.fixture
def here(tiny_folder: Path, settings: Any) -> Iterator[None]:
    """This process can train too."""
    from config import studio

    settings.LIKENESS_FLOOR = False  # as in the workers
    use_told(str(tiny_folder))
    yield
    studio.use_engine("nano", None)


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


@pytest.mark.thorough
def test_a_training_whose_workers_were_killed_and_evicted_ends_with_the_same_weights(
    drawn_twin: Any, workers: Workers, here: None
) -> None:
    """One worker is killed between two checkpoints, the next is evicted when all steps are taken, and this
    process goes on."""
    import torch

    from accounts.vault.vault import store
    from twins.models import Twin
    from twins.renewals import today
    from twins.tasks import train

    first = workers.start("train", studio="tiny")
    whole = ask(drawn_twin)
    wait_for(lambda: ended(whole))
    Twin.objects.update(renewed_for=today("nano"))  # a worker's base is not this process's: no free renewal
    workers.hold("training 0.83")
    cut = ask(drawn_twin)
    checkpoint = f"{cut.folder}/checkpoint.safetensors"
    wait_for(lambda: workers.at("training 0.83"))
    assert store(cut.user_id).exists(checkpoint)
    kill(first, cut)
    assert ended(cut) is False
    workers.hold("choosing the best")
    second = workers.start("train", studio="tiny")
    wait_for(lambda: workers.at("choosing the best"))
    evict(second)
    workers.let_go()
    assert second.wait(60) == 0
    train(str(cut.id))
    assert ended(cut)
    a, b = tensors(whole), tensors(cut)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert (cut.attempt, cut.crashes, cut.captured) == (3, 1, 20)
    assert not store(cut.user_id).exists(checkpoint)
    assert audit.problems() == []
