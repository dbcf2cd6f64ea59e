"""The table of processes, and the command that becomes one of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.start import processes
from tests.processes import database_url

pytestmark = pytest.mark.workers

ROOT = Path(__file__).resolve().parents[2]


def become(name: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "config.start.processes", name]
    env = os.environ | {"DATABASE_URL": database_url()}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)


def test_each_queue_has_its_own_worker(tmp_path):
    rows = {row.name: row.argv for row in processes.table(host="::", port=80, var=tmp_path)}
    workers = {name: argv[argv.index("-Q") + 1] for name, argv in rows.items() if "-Q" in argv}
    assert workers == {name: name for name in ("train", "render", "cpu", "io", "remote")}


def test_a_variable_that_is_set_overrides_the_table(monkeypatch):
    row = processes.worker("cpu", concurrency=2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert row.env()["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert row.env()["OMP_NUM_THREADS"] == "4"


@pytest.mark.django_db
def test_a_row_runs_in_its_own_environment():
    done = become("migrate")
    assert done.returncode == 0, done.stderr
    assert "No migrations to apply" in done.stdout


@pytest.mark.django_db
def test_an_unknown_name_is_refused_with_the_known_names():
    done = become("remotely")
    assert done.returncode == 2
    assert "'train', 'render', 'cpu', 'io', 'remote', 'beat'" in done.stderr
