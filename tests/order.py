"""Decides which tests share a pytest-xdist worker, and in which order the groups start.

Each file is a group, so that its module fixtures are set up once. All files that train form one group, and
all files that open a browser another: two trainings or two browsers never compete for two cores. Long groups
start first. Otherwise the last one would run alone while the other core is idle.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

# Mark -> group. One marked test puts its whole file into the group.
GROUPS = {"train": "torch", "browser": "chromium"}
# Prefixes of group names, the longest group first. Groups of under ten seconds are not listed.
FIRST = (
    "torch",
    "chromium",
    "build",
    "tests/ml/test_quick.py",
    "tests/ml/",
    "tests/test_workers.py",
    "tests/test_make_run.py",
    "tests/test_crash.py",
    "tests/billing/test_payment_properties.py",
    "tests/test_money.py",
    "tests/test_web.py",
    "tests/config/",
)


def arrange(items: list[pytest.Item]) -> None:
    """Marks every test with its group and sorts by group. Keeps the order inside a group."""
    names = _names(items)
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(names[_file(item)]))
    items.sort(key=lambda item: _rank(_group(item)))


def _rank(group: str) -> int:
    return next((rank for rank, start in enumerate(FIRST) if group.startswith(start)), len(FIRST))


def _names(items: Sequence[pytest.Item]) -> dict[str, str]:
    names = {_file(item): _file(item) for item in items}
    for item in items:
        for mark, group in GROUPS.items():
            if item.get_closest_marker(mark):
                names[_file(item)] = group
    return names


def _file(item: pytest.Item) -> str:
    return item.nodeid.split("::", 1)[0]


def _group(item: pytest.Item) -> str:
    mark = item.get_closest_marker("xdist_group")
    assert mark is not None
    return str(mark.args[0])
