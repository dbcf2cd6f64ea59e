"""Real trainings on the nano base with drawn people. Each runs once per session.

By default they are measured on fewer scenes, see tests/brief.py; --thorough runs the base's whole recipe."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.brief import brief
from tests.plugin import Share

STEPS = 30  # enough to recognise the person; --thorough uses the base's default
SCENES, CHECKPOINTS = 4, 2  # --thorough uses the base's own numbers
Made = tuple[Any, Any, list[tuple[str, float]]]  # the report, the store, the reported (stage, share) pairs


@pytest.fixture(scope="session")
def nano_woman(share: Share, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A training of the drawn person with seed 6."""
    keys = tmp_path_factory.mktemp("keys")
    return train(drawn(6, share.number(12, 8)), "woman", keys, None if share.thorough else STEPS)


@pytest.fixture(scope="session")
def nano_man(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A training of the drawn person with seed 8, without drawings in which no face is found."""
    from ml import media
    from ml.faces import Faces

    faces = Faces()
    photos = [photo for photo in drawn(8, 14) if faces.describe(media.to_array(photo))]
    return train(photos[:10], "man", tmp_path_factory.mktemp("keys"), 200)


def drawn(seed: int, count: int) -> list[bytes]:
    """The first photos of a drawn person."""
    return [_drawn(seed, number) for number in range(count)]


@cache  # drawing one takes a third of a second
def _drawn(seed: int, number: int) -> bytes:
    from ml import media
    from ml.drawn.people import random_person, varied_scenes
    from ml.drawn.portraits import draw

    rng = np.random.default_rng([seed, 0])
    person = random_person(rng)
    scene = varied_scenes(rng, number + 1)[number]
    return media.encode_jpeg(draw(person, scene, 768, 768), 92)


def train(photos: list[bytes], subject: str, keys: Path, steps: int | None) -> Made:
    """Without `steps` by the base's whole recipe."""
    from ml.local.engine import LocalEngine
    from ml.types import Photo, TrainSpec
    from tests.ml.doubles import MemoryStore

    store, told = MemoryStore(), []
    engine = LocalEngine("nano", keys=keys, threads=1)
    if steps:
        engine.base = brief(SCENES, CHECKPOINTS)

    def tell(stage: str, share: float) -> bool:
        told.append((stage, share))
        return False

    named = tuple(Photo(f"p{i}", photo) for i, photo in enumerate(photos))
    spec = TrainSpec(named, subject, seed=1, steps=steps, threads=1)
    return engine.train(spec, store=store, on_progress=tell), store, told
