"""A worker's caches between pictures: twins, limited by bytes, and the encodings of texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ml.catalogue import Base
from ml.local import sample, weights
from ml.local.sample import Sampler
from ml.local.weights import Recent, resident_bytes

MB = 10**6


class UserStorage:
    """Twins of one megabyte each, and a list of those that were read."""

    def __init__(self, **options: Any) -> None:
        self.clock, self.read = 0.0, []  # type: ignore[var-annotated]
        self.recent = Recent(now=lambda: self.clock, **options)

    def get(self, name: str, size: int = MB) -> str:
        def load() -> tuple[str, dict[str, Any], dict[str, Any]]:
            self.read.append(name)
            return name.upper(), {"w": torch.zeros(size, dtype=torch.uint8)}, {}

        return self.recent.get(name, load)[0]


def test_what_was_read_lately_is_not_read_again_until_it_is_old() -> None:
    storage = UserStorage(room=2 * MB, seconds=600)
    assert [storage.get(n) for n in "aaba"] == ["A", "A", "B", "A"]
    storage.get("c")  # b was used longest ago
    assert [storage.get("a"), storage.read] == ["A", ["a", "b", "c"]]
    storage.get("b")
    storage.clock = 601
    storage.get("a")
    assert storage.read == ["a", "b", "c", "b", "a"]
    assert len(storage.recent._kept) == 1


def test_as_many_twins_stay_as_their_bytes_fit() -> None:
    storage = UserStorage(room=100 * MB)
    names = [f"twin {i}" for i in range(100)]
    for name in names * 2:
        storage.get(name)
    assert storage.read == names
    storage.get("a big one", 50 * MB)
    assert (len(storage.recent._kept), storage.recent._bytes) == (51, 100 * MB)


def test_one_that_is_bigger_than_the_room_stays_alone() -> None:
    storage = UserStorage(room=MB)
    for _ in range(3):
        storage.get("big", 3 * MB)
    assert storage.read == ["big"]
    storage.get("small")
    assert list(storage.recent._kept) == ["small"]
    assert storage.recent._bytes == MB


def test_the_room_is_said_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < resident_bytes() <= weights.MOST_RESIDENT
    monkeypatch.setenv("PHOTOFLUX_RESIDENT_MB", "250")
    assert Recent().room == 250 * MB


def encodings(pipe: Any) -> list[str]:
    """Records the runs of the two text encoders."""
    runs: list[str] = []
    for part in ("text_encoder", "text_encoder_2"):
        encoder = getattr(pipe, part)
        encoder.register_forward_pre_hook(lambda *_, part=part: runs.append(part))
    return runs


def test_a_prompt_again_is_not_encoded_again_and_gives_the_same_pixels(pipe: Any, tiny: Base) -> None:
    runs, sampler = encodings(pipe), Sampler(pipe, tiny)

    def picture(text: str) -> np.ndarray:
        return sampler.sample(text, size=(64, 64), steps=2, seed=3)

    first = picture("photo of a woman")
    once = len(runs)
    assert {"text_encoder", "text_encoder_2"} <= set(runs)
    picture("photo of a man")
    more = len(runs)
    assert more > once
    assert (picture("photo of a woman") == first).all()
    assert len(runs) == more
    assert (Sampler(pipe, tiny).sample("photo of a woman", size=(64, 64), steps=2, seed=3) == first).all()


def test_the_text_used_longest_ago_is_forgotten_first(
    pipe: Any, tiny: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "TEXTS", 2)
    sampler = Sampler(pipe, tiny)
    for text in ("one", "two", "one", "three"):
        sampler._encode(text)
    assert list(sampler._texts) == ["one", "three"]
