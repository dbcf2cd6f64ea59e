"""A base with the real layout and classes, one block deep and with random weights, for all tests except
those of learning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ml.nets.torchvision import ensure_torchvision

ensure_torchvision()

from ml.catalogue import Base, base_of  # noqa: E402
from ml.local.loading import load_pipeline  # noqa: E402
from tests.ml.flux_hub import hub  # noqa: E402, F401


@pytest.fixture(scope="session")
def pair() -> tuple[Any, Any]:
    """The two tokenizers, trained once per session because it takes seconds."""
    from ml.nano.steps import new_tokenizers

    return new_tokenizers()


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory, pair: tuple[Any, Any]) -> Path:
    from ml.nano import model, vae
    from ml.nano.export import export
    from ml.nano.presets import PRESETS

    torch.manual_seed(0)
    flow_model = model.new_flow_model(PRESETS["tiny"].shape, *pair)
    for name, p in flow_model.transformer.named_parameters():
        if ("norm" in name and ".linear." in name) or name.startswith("proj_out"):
            torch.nn.init.normal_(p, std=0.05)  # a fresh base is the identity; tests need an effect
    small = vae.new_vae((8, 8, 16, 16))
    small.register_to_config(shift_factor=0.0, scaling_factor=1.0)
    out = tmp_path_factory.mktemp("base")
    export(out, small, flow_model, pair, pixels=128)
    return out


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Base:
    return replace(base_of("nano", tiny_folder))


@pytest.fixture
def pipe(tiny: Base) -> object:
    torch.set_num_threads(1)
    return load_pipeline(tiny, "cpu")


def _drawn(some: slice) -> list[bytes]:
    from ml import media
    from ml.drawn.people import random_person, varied_scenes
    from ml.drawn.portraits import draw

    rng = np.random.default_rng([6, 0])
    person = random_person(rng)
    return [media.encode_jpeg(draw(person, s, 768, 768), 92) for s in varied_scenes(rng, 12)[some]]


@pytest.fixture(scope="session")
def few() -> list[bytes]:
    """The first four of `photos`; drawing one takes a third of a second."""
    return _drawn(slice(4))


@pytest.fixture(scope="session")
def photos(few: list[bytes]) -> list[bytes]:
    """Twelve photos of one drawn woman, as JPEG bytes."""
    return few + _drawn(slice(4, None))
