"""Real trainings on the nano base with drawn people. Each runs once per session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.plugin import Share

STEPS = 200  # enough to recognise the person; --thorough uses the base's default
Made = tuple[Any, Any, list[tuple[str, float]]]  # the report, the store, the reported (stage, share) pairs


@pytest.fixture(scope="session")
def nano_woman(share: Share, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A training of the drawn person with seed 6."""
    from tests.test_real_journey import drawn

    return train(drawn(6, 12), "woman", None if share.thorough else STEPS, tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def nano_man(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A training of the drawn person with seed 8, without drawings in which no face is found."""
    from ml import media
    from ml.faces import Faces
    from tests.test_real_journey import drawn

    faces = Faces()
    photos = [photo for photo in drawn(8, 14) if faces.describe(media.to_array(photo))]
    return train(photos[:10], "man", STEPS, tmp_path_factory.mktemp("keys"))


def train(photos: list[bytes], subject: str, steps: int | None, keys: Path) -> Made:
    from ml.local.engine import LocalEngine
    from ml.types import Photo, TrainSpec
    from tests.ml.doubles import MemoryStore

    store, told = MemoryStore(), []

    def tell(stage: str, share: float) -> bool:
        told.append((stage, share))
        return False

    named = tuple(Photo(f"p{i}", photo) for i, photo in enumerate(photos))
    spec = TrainSpec(named, subject, seed=1, steps=steps, threads=1)
    return LocalEngine("nano", keys=keys, threads=1).train(spec, store=store, on_progress=tell), store, told
