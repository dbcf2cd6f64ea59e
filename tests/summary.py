"""Prints, after the tests, what they said (`record_property("said", ...)`), the slowest ones, and the time of
each folder.

Wall time depends on the load of the machine; processor time hardly does. Processor time covers the test
process and its ended children, not PostgreSQL and Redis.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

SLOWEST = 30


class Summary:
    def __init__(self) -> None:
        self.spent = _processor_seconds()
        self.wall: dict[str, float] = defaultdict(float)  # test -> seconds
        self.cpu: dict[str, float] = defaultdict(float)
        self.said: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Iterator[None]:
        """Runs in the worker. xdist sends the report with its new field to the controller."""
        report: Any = yield
        now = _processor_seconds()
        report.cpu, self.spent = now - self.spent, now
        return report

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Runs in the process that prints the summary."""
        test = report.nodeid
        self.wall[test] += report.duration
        self.cpu[test] += getattr(report, "cpu", 0.0)  # a test that killed its worker has none
        if report.when == "call":
            self.said += [str(value) for name, value in report.user_properties if name == "said"]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.wall:
            return
        for line in self.said:
            terminalreporter.write_line(line)
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
    """tests/billing/test_ledger.py::test_x -> tests/billing; tests/test_web.py::test_x -> its file."""
    return "/".join(test.split("::")[0].split("/")[:2])


def _processor_seconds() -> float:
    return sum(os.times()[:4])
