"""Real worker processes on a test's database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import connection

from config.runs.models import Run
from config.runs.sweeper import sweep_kind
from config.runs.worker import LEASE

ROOT = Path(__file__).resolve().parent.parent


def database_url() -> str:
    """Of the test's database, for processes that a test starts."""
    head, _slash, tail = os.environ["DATABASE_URL"].rpartition("/")
    query = f"?{tail.split('?', 1)[1]}" if "?" in tail else ""
    return f"{head}/{connection.settings_dict['NAME']}{query}"


def wait_for(done: Callable[[], Any], seconds: float = 60) -> Any:
    """What `done` answers once it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := done():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


SOLO, PREFORK = ("--pool", "solo"), ("--pool", "prefork", "-c")  # one process; children of one, how many


class Workers:
    """Real Celery workers on this test's database."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.running = folder, []  # type: ignore[var-annotated]

    def start(
        self, queues: str = "train,render,cpu,io", studio: str = "paint", pool: tuple[str, ...] = SOLO
    ) -> subprocess.Popen[bytes]:
        env = os.environ | {
            "DATABASE_URL": database_url(),
            "STUDIO": studio,
            "STUDIO_FOLDER": str(self.folder),
            "LIKENESS_FLOOR": str(studio == "paint"),  # a real twin of a few steps resembles nobody
            "DJANGO_SETTINGS_MODULE": "config.settings_test",
        }
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "tests.worker",
            "worker",
            "-Q",
            queues,
            *pool,
            "--prefetch-multiplier",
            "1",
        ]
        with (self.folder / f"worker-{len(self.running)}.log").open("wb") as log:
            worker = subprocess.Popen(
                [*command, "--without-gossip", "--without-mingle"], cwd=ROOT, env=env, stdout=log, stderr=log
            )
        self.running.append(worker)
        return worker

    def steps(self) -> list[str]:
        file = self.folder / "steps"
        return file.read_text().splitlines() if file.exists() else []

    def at(self, step: str) -> subprocess.Popen[bytes] | None:
        """The worker that wrote the last step, when it begins so."""
        last = (self.steps() or [""])[-1]
        pids = last.split()[-2:]  # of the process that works, and of its parent
        found = [worker for worker in self.running if str(worker.pid) in pids]
        return found[0] if last.startswith(step) and found else None

    def hold(self, step: str = "") -> None:
        """Steps whose line begins so wait from now on; with "" each does."""
        (self.folder / "wait").write_text(step)

    def let_go(self) -> None:
        (self.folder / "wait").unlink()

    def stop(self) -> None:
        for worker in self.running:
            worker.kill()
            worker.wait()


def evict(worker: subprocess.Popen[bytes]) -> None:
    """Tell it to stop, as a deploy does."""
    worker.send_signal(signal.SIGTERM)


def kill(worker: subprocess.Popen[bytes], run: Run) -> None:
    """Kill it with SIGKILL over this run, and let the sweeper find that the lease has lapsed."""
    worker.kill()
    worker.wait()
    run.refresh_from_db()
    lapse(run)
    sweep_kind(type(run))


def lapse(run: Run) -> None:
    """As if the lease's time had passed."""
    type(run).objects.filter(id=run.id).update(lease_until=run.created_at - LEASE)


def ended(run: Run) -> bool:
    run.refresh_from_db()
    return not run.is_open
