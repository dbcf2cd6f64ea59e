"""Printed after the tests: the ten slowest, and the time of each folder.

Wall time depends on what else the machine does, processor time hardly. Processor time is that of the test
process and of the children it has waited for, not of PostgreSQL and Redis.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

SLOWEST = 10


class Summary:
    def __init__(self) -> None:
        self.spent = _processor_seconds()
        self.wall: dict[str, float] = defaultdict(float)  # by test
        self.cpu: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Iterator[None]:
        """Where the test ran. xdist carries the report with its new field to the controller."""
        report: Any = yield
        now = _processor_seconds()
        report.cpu, self.spent = now - self.spent, now
        return report

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Where the summary is printed."""
        test = report.nodeid.split("@")[0]
        self.wall[test] += report.duration
        self.cpu[test] += report.cpu

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.wall:
            return
        terminalreporter.section("seconds: wall, processor")
        for test in sorted(self.wall, key=self.wall.__getitem__, reverse=True)[:SLOWEST]:
            terminalreporter.write_line(f"{self.wall[test]:8.1f} {self.cpu[test]:8.1f}  {test}")
        wall, cpu = _by_folder(self.wall), _by_folder(self.cpu)
        for folder in sorted(wall, key=wall.__getitem__, reverse=True):
            terminalreporter.write_line(f"{wall[folder]:8.1f} {cpu[folder]:8.1f}  {folder}")


def _by_folder(seconds: dict[str, float]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for test, value in seconds.items():
        found[_folder(test)] += value
    return found | {"all": sum(seconds.values())}


def _folder(test: str) -> str:
    """tests/billing of tests/billing/test_ledger.py::test_x; for tests/test_web.py the file itself."""
    return "/".join(test.split("::")[0].split("/")[:2])


def _processor_seconds() -> float:
    return sum(os.times()[:4])
