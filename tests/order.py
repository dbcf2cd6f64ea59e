"""Which tests share a pytest-xdist worker, and in which order the groups start.

A file is a group: its module fixtures are made once. All files that train are one group, and so are all that
open a browser, so that two trainings or two browsers never compete for two cores. A worker takes the next
group when it has finished one; the long groups start first, or the last of them would keep one core busy
alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

GROUPS = {"train": "torch", "browser": "chromium"}  # by the mark of any test of a file
# Beginnings of the groups' names: what takes longest first, then what takes more than ten seconds.
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
    """Marks every test with its group and sorts the groups. The order inside a group stays."""
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
