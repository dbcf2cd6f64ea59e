"""Compiled blocks and several pictures in one pass give the same pictures.

Compiling takes most of a minute, so that it runs with --thorough; by default tests/ml/test_fp8.py has torch
trace a block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ml.catalogue import Base
from ml.local import lora
from ml.local.compilation import compile_blocks, undo_compilation
from ml.local.engine import LocalEngine
from ml.local.sample import Sampler

TEXT = "photo of ohwx woman, smiling, in a park"
FACTS = {"base": "nano"}


def twin(swapper: lora.Swapper, seed: int) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {name: 0.2 * torch.randn(shape, generator=g).half() for name, shape in swapper.expected.items()}


def near(a: np.ndarray, b: np.ndarray) -> bool:
    return int(np.abs(a.astype(int) - b.astype(int)).max()) <= 2


@pytest.fixture(params=["aot_eager", "inductor"])
def backend(request: pytest.FixtureRequest) -> Iterator[None]:
    torch._dynamo.reset()
    torch.compiler.set_default_backend(request.param)
    yield
    torch.compiler.set_default_backend(None)


@pytest.mark.thorough
def test_blocks_are_compiled_once_whichever_lora_is_loaded(pipe: Any, tiny: Base, backend: None) -> None:
    """Another twin, none, and the first twin again: no kind of block is compiled twice, and pictures equal
    the eager ones."""
    sampler, swapper = Sampler(pipe, tiny), lora.Swapper(pipe, tiny, always=True)
    one, two = twin(swapper, 1), twin(swapper, 2)

    def all_three() -> list[np.ndarray]:
        out = []
        for key, tensors in (("one", one), ("two", two), (None, None), ("one", one)):
            swapper.load(key, tensors, FACTS)
            out.append(sampler.sample(TEXT, size=(64, 64), steps=2, seed=3))
        return out

    eager = all_three()
    torch._dynamo.utils.counters.clear()
    compile_blocks(pipe.transformer, pipe.vae)
    swapper.load("two", two, FACTS)
    sampler.sample(TEXT, size=(64, 64), steps=2, seed=3)
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert graphs == 3  # a double block, a single one, the decoder
    assert all(near(a, b) for a, b in zip(eager, all_three()))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs
    undo_compilation(pipe.transformer, pipe.vae)
    assert all((a == b).all() for a, b in zip(eager, all_three()))
    assert not near(eager[0], eager[1])


def test_several_in_one_pass_are_those_of_one_at_a_time(pipe: Any, tiny: Base) -> None:
    sampler = Sampler(pipe, tiny)
    alone = [sampler.sample(TEXT, size=(64, 96), steps=2, seed=s, negative="hat") for s in (5, 6, 7)]
    together = sampler.sample_batch([TEXT] * 3, size=(64, 96), steps=2, seeds=(5, 6, 7), negative="hat")
    assert together.shape == (3, 96, 64, 3)
    assert all(near(a, b) for a, b in zip(alone, together))
    assert not near(alone[0], alone[1])


def test_without_a_compiler_pictures_are_made_all_the_same(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert LocalEngine("nano", source=tiny_folder, compiled=True).compiles
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    engine = LocalEngine("nano", source=tiny_folder, keys=tmp_path, compiled=True)
    assert not engine.compiles
    assert "no C compiler" in caplog.text
    sampler = engine.sampler_of((None, None, {}))
    assert sampler.sample(TEXT, size=(64, 64), steps=1, seed=0).shape == (64, 64, 3)
