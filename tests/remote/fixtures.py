"""Fixtures for every test: one process of each double a session, as new for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .handle import FalDouble, TogetherDouble


@pytest.fixture(scope="session")
def fal_process() -> Iterator[FalDouble]:
    with FalDouble() as double:
        yield double


@pytest.fixture(scope="session")
def together_process() -> Iterator[TogetherDouble]:
    with TogetherDouble() as double:
        yield double


@pytest.fixture
def fal(fal_process: FalDouble) -> FalDouble:
    fal_process.reset()
    return fal_process


@pytest.fixture
def together(together_process: TogetherDouble) -> TogetherDouble:
    together_process.reset()
    return together_process
