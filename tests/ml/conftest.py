"""The tiny base of tests/tiny.py as a Base and as a pipeline, and photos of a drawn woman."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ml.nets.torchvision import ensure_torchvision

ensure_torchvision()

from ml.catalogue import Base, base_of  # noqa: E402
from ml.local.loading import load_pipeline  # noqa: E402
from tests.ml.flux_hub import hub  # noqa: E402, F401
from tests.trained import drawn  # noqa: E402


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
