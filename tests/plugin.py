"""Gives every test process its own PostgreSQL and Redis in a temporary folder. Loaded before Django.

Under pytest-xdist each worker is a test process. The controller runs no tests, so it starts no servers.
tests/order.py assigns tests to workers. tests/summary.py prints how long the tests took.
"""

from __future__ import annotations

import gc
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
from tests.bytecode import write_share
from tests.order import ByGroup, arrange
from tests.summary import Summary

NOWHERE = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
T = TypeVar("T")
SERVICES: list[Service] = []  # PostgreSQL and Redis of this process
# One thread each: two processes with two threads each are nine times slower on two cores.
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "STUDIO_THREADS"), "1")


@dataclass(frozen=True)
class Share:
    """How much of a sweep runs: all with --thorough, else a small part, the same in every run."""

    thorough: bool

    def of(self, cases: Sequence[T], count: int) -> list[T]:
        """All cases with --thorough; else `count` of them at even distances, with the first and the last."""
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
    """Hook wrappers run first, so this sets the environment before pytest-django imports the settings."""
    folder = Path(tempfile.mkdtemp(prefix="photoflux-tests-"))
    (folder / "static").mkdir()  # Django's test client warns when it is missing
    early_config.add_cleanup(lambda: _discard(folder))
    os.environ |= {"HF_HUB_OFFLINE": "1", "VAR": str(folder), **THREADS}
    os.fsync = lambda handle: None  # no test needs its files after a power cut; each wait takes milliseconds
    _prepare(folder, controller=is_controller(early_config.known_args_namespace))
    yield


def is_controller(options: Any) -> bool:
    return bool(getattr(options, "numprocesses", None)) and "PYTEST_XDIST_WORKER" not in os.environ


def _prepare(folder: Path, *, controller: bool) -> None:
    """Sets addresses and keys in os.environ. Starts the servers, except in the controller."""
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
    if config.getoption("--thorough"):
        os.environ["SHOTS"] = "1"  # screenshots, see tests/browser/conftest.py
    config.pluginmanager.register(Summary(), "photoflux-summary")


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    gc.set_threshold(20_000, 10, 10)  # a collection of garbage takes long where so much is loaded
    if "PYTEST_XDIST_WORKER" in os.environ:
        write_share(session.config)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Tests and modules stay to the end: no collection of garbage looks at them again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)  # xdist's: runs in the controller
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    return ByGroup(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--thorough"):
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if not item.get_closest_marker("thorough")]
    if "PYTEST_XDIST_WORKER" in os.environ:
        arrange(items)
