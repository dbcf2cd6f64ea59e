"""Workers of pytest-xdist share the work of a first run.

Each worker imports each test file, and pytest first rewrites its assertions: ten seconds of a processor in
all. A worker that begins with its share of the files finds the others done.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from _pytest.assertion import rewrite

TESTS = Path(__file__).resolve().parent


def write_share(config: pytest.Config) -> None:
    """In a worker: the bytecode of its share of the test files, where it is missing or old."""
    number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    count = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    state = config.stash[rewrite.assertstate_key]
    for file in sorted(TESTS.rglob("test_*.py"))[number::count]:
        bytecode = rewrite.get_cache_dir(file) / (file.stem + rewrite.PYC_TAIL)
        if not sys.dont_write_bytecode and rewrite._read_pyc(file, bytecode) is None:
            bytecode.parent.mkdir(exist_ok=True)
            source, code = rewrite._rewrite_test(file, config)
            rewrite._write_pyc(state, code, source, bytecode)
