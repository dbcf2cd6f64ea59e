"""Decides which tests share a pytest-xdist worker, and in which order the groups start.

Each file is a group, so that its module fixtures are set up once. The files of ml that load nets and all
files that train form one group: one process loads the nets, draws the photos and trains the twin that they
share. All files that open a browser form another: two trainings or two browsers never compete for two cores.
Long groups start first. Otherwise the last one would run alone while the other core is idle.

xdist's own groups (`--dist loadgroup`) are of no use here: xdist 3.8 writes a group into a field of the test
that pytest 9.2 no longer reads.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

ROOT = Path(__file__).resolve().parent.parent

ML = "torch"  # the group of the files in tests/ml that load nets, and of all that train
# What shows that a file loads them: by itself, by a class of ml, or by a fixture that the group shares.
LOADS = re.compile(
    r"\btorch\b|LocalEngine|Faces\(\)|Judge\(|\b(few|tiny|tiny_folder|pair|pipe|nano_woman|nano_man)\b:"
)
# Mark -> group. One marked test puts its whole file into the group.
GROUPS = {"train": ML, "browser": "chromium"}
# Prefixes of group names, the longest group first. Groups of under ten seconds are not listed.
FIRST = (
    ML,
    "chromium",
    "tests/test_workers.py",
    "tests/test_make_run.py",
    "tests/test_old_database.py",
    "tests/test_money.py",
    "tests/accounts/test_erasure_again.py",
    "tests/test_schema.py",
    "tests/ml/test_faces.py",
    "tests/ml/test_media.py",
    "tests/test_crash.py",
    "tests/billing/test_payment_properties.py",
    "tests/test_isolation.py",
    "tests/test_web.py",
    "tests/test_admin_lookups.py",
    "tests/test_bad_text.py",
    "tests/test_serve.py",
    "tests/config/",
)


class ByGroup(LoadScopeScheduling):
    """Gives each group to one worker, whole."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def arrange(items: list[pytest.Item]) -> None:
    """Sorts by group, the longest first. Keeps the order inside a group."""
    items.sort(key=lambda item: _rank(group_of(item.nodeid)))


def group_of(nodeid: str) -> str:
    return _group_of_file(nodeid.split("::", 1)[0])


@cache
def _group_of_file(file: str) -> str:
    """By the marks in the file's text: the process that schedules has no tests, only their names."""
    text = (ROOT / file).read_text()
    if file.startswith("tests/ml/") and LOADS.search(text):
        return ML
    return next((group for mark, group in GROUPS.items() if f"mark.{mark}" in text), file)


def _rank(group: str) -> int:
    return next((rank for rank, start in enumerate(FIRST) if group.startswith(start)), len(FIRST))
