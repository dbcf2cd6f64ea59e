"""Wan 2.2's pipeline, with a small model of random weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ml import begin_clip
from ml.animation import AnimateSpec
from ml.begin_clip import Begin
from ml.catalogue import VIDEO_BASES, base_of, fetched_of, video_of
from ml.errors import MLError
from ml.local import wan
from ml.local.files import find
from ml.needs import wanted
from ml.types import Face, RenderSpec
from tests.ml.wan import save

FACE = Face((20.0, 20.0, 60.0, 70.0), 1.0, ())
SMALL = {"area": 64 * 96, "steps": 2, "dtype": "float32"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("wan"))


def test_it_moves_a_picture_and_tells_each_step(folder: Path) -> None:
    torch.set_num_threads(1)
    base = base_of("flux-schnell")
    video = video_of(base, folder)
    assert video is not None
    made, steps = wan.Wan(replace(video, **SMALL), "cpu"), []
    picture = np.full((96, 64, 3), (120, 90, 60), np.uint8)

    class Short(AnimateSpec):
        frames = 8  # type: ignore[assignment]

    spec = Short(RenderSpec("at the sea"), motion="smile", action="she waves")
    frames = made(Begin(picture, FACE), spec, 0, steps.append)
    assert steps == [0.5, 1.0]
    assert (len(frames), frames[0].shape) == (8, (96, 64, 3))
    assert (frames[0] == picture).all()  # its first frame is the picture itself
    assert np.abs(np.stack(frames[1:5]).mean((0, 1, 2)) - picture[0, 0]).max() < 12  # in the same tone
    assert not (frames[7] == frames[0]).all()


def test_a_model_that_does_not_read_timesteps_by_latent_is_refused(folder: Path, tmp_path: Path) -> None:
    said = json.loads((folder / "model_index.json").read_text())
    (tmp_path / "model_index.json").write_text(json.dumps(said | {"expand_timesteps": False}))
    with pytest.raises(MLError) as e:
        wan.load(VIDEO_BASES["wan2-2-ti2v"], tmp_path)
    assert e.value.code == "base_broken"


def test_its_memory_is_planned_before_it_is_loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = replace(VIDEO_BASES["wan2-2-ti2v"], source=str(folder))
    monkeypatch.setattr(wan, "free_bytes", lambda device: 30_000_000_000)
    assert "one part" not in wan.plan(video, find(video), "cuda", 73).says()
    monkeypatch.setattr(wan, "free_bytes", lambda device: 3_000_000_000)
    with pytest.raises(MLError) as e:
        wan.plan(video, find(video), "cuda", 73)
    assert e.value.code == "does_not_fit"


def test_what_it_needs_is_fetched_like_a_base() -> None:
    (needed,) = wanted(fetched_of("wan2-2-ti2v"))
    assert (needed.name, needed.licence) == ("Wan-AI/Wan2.2-TI2V-5B-Diffusers", "Apache-2.0")
    assert "model_index.json" in needed.patterns


def test_the_tone_is_that_of_the_picture_and_a_later_light_stays() -> None:
    first = np.random.default_rng(1).integers(60, 180, (32, 32, 3)).astype(np.uint8)
    yellow = [np.clip(first * 0.9 + (12, 8, 0), 0, 255).astype(np.uint8)] * 6
    later = [np.clip(yellow[0] * 1.2, 0, 255).astype(np.uint8)] * 4
    made = begin_clip.in_one_tone(first, [first, *yellow, *later])
    assert np.abs(made[3].astype(int) - first).mean() < 2
    assert made[-1].mean() > made[3].mean() + 15
