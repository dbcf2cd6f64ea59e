"""Loaded before Django. Gives every test process a PostgreSQL and a Redis of its own, in a temporary folder.

Under pytest-xdist each worker is such a process; the controller runs no test and starts neither.
tests/order.py says which test runs where, tests/summary.py prints what the tests took.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from config.start import checkout
from config.start.service import Service
from tests.order import arrange
from tests.summary import Summary

NOWHERE = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
T = TypeVar("T")
SERVICES: list[Service] = []  # PostgreSQL and Redis of this process
# Numeric libraries get one thread: two processes of two threads on two cores are nine times slower.
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "STUDIO_THREADS"), "1")


@dataclass(frozen=True)
class Share:
    """The whole of a sweep with --thorough, and the same small part of it in every other run."""

    thorough: bool

    def of(self, cases: Sequence[T], count: int) -> list[T]:
        """All cases, or `count` of them at even distances, the first and the last included."""
        if self.thorough or len(cases) <= count:
            return list(cases)
        return [cases[round(i * (len(cases) - 1) / max(1, count - 1))] for i in range(count)]

    def number(self, whole: int, small: int) -> int:
        return whole if self.thorough else small


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="run every sweep whole: see `make thorough`")


@pytest.fixture(scope="session")
def share(pytestconfig: pytest.Config) -> Share:
    return Share(pytestconfig.getoption("--thorough"))


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """A wrapper comes before pytest-django, which imports the settings here."""
    folder = Path(tempfile.mkdtemp(prefix="photoflux-tests-"))
    (folder / "static").mkdir()  # else every client warns that it is missing
    early_config.add_cleanup(lambda: _discard(folder))
    os.environ |= {"HF_HUB_OFFLINE": "1", "VAR": str(folder), **THREADS}
    _prepare(folder, controller=is_controller(early_config.known_args_namespace))
    yield


def is_controller(options: Any) -> bool:
    return bool(getattr(options, "numprocesses", None)) and "PYTEST_XDIST_WORKER" not in os.environ


def _prepare(folder: Path, *, controller: bool) -> None:
    """Puts addresses and keys into os.environ, and starts the servers unless this is the controller."""
    for name in checkout.NAMES:
        os.environ.pop(name, None)
    if controller:
        os.environ |= NOWHERE
    SERVICES.extend(checkout.prepare(folder, fast=True))


def _discard(folder: Path) -> None:
    for service in SERVICES:
        service.discard()
    shutil.rmtree(folder, ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Summary(), "photoflux-summary")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--thorough"):
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if not item.get_closest_marker("thorough")]
    if "PYTEST_XDIST_WORKER" in os.environ:
        arrange(items)
