"""The tiny base of tests/tiny.py as a Base and as a pipeline, and photos of a drawn woman."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ml.catalogue import Base, base_of
from ml.local.loading import load_pipeline
from ml.nets.torchvision import ensure_torchvision
from tests.ml.flux_hub import hub  # noqa: F401
from tests.order import ML, group_of
from tests.trained import drawn


@pytest.fixture(scope="module", autouse=True)
def _torchvision(request: pytest.FixtureRequest) -> None:
    """Not when the tests are collected, which every process does, nor for files without nets: it takes
    seconds."""
    if group_of(request.node.nodeid) == ML:
        ensure_torchvision()


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Base:
    return replace(base_of("nano", tiny_folder))


@pytest.fixture
def pipe(tiny: Base) -> object:
    torch.set_num_threads(1)
    return load_pipeline(tiny, "cpu")


@pytest.fixture(scope="session")
def few() -> list[bytes]:
    """Four photos of one drawn woman, as JPEG bytes."""
    return drawn(6, 4)
