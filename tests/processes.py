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
CELERY = "-m celery -A tests.worker worker --prefetch-multiplier 1 --without-gossip --without-mingle"


def database_url() -> str:
    """URL of the test's database, for processes that a test starts."""
    head, _slash, tail = os.environ["DATABASE_URL"].rpartition("/")
    query = f"?{tail.split('?', 1)[1]}" if "?" in tail else ""
    return f"{head}/{connection.settings_dict['NAME']}{query}"


def wait_for(done: Callable[[], Any], seconds: float = 300) -> Any:
    """Waits until `done()` is true and returns its value.

    The limit only ends a test that hangs. It is far above the time that a busy machine needs. The longer it
    waits the less often it looks, as looking takes the processor from what is waited for.
    """
    start = time.monotonic()
    while not (found := done()):
        waited = time.monotonic() - start
        assert waited < seconds, "it did not happen in time"
        time.sleep(min(0.5, max(0.02, waited / 10)))
    return found


SOLO, PREFORK = ("--pool", "solo"), ("--pool", "prefork", "-c")  # append the number of children to PREFORK


class Workers:
    """Real Celery workers on this test's database. `environment` holds further settings for them.

    Files in `folder` control the doubles of tests/worker.py. A double appends a line for each step to
    `steps`. It pauses at a line that begins with the text in `wait`, until that file is deleted.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder, self.environment = folder, environment
        self.running: list[subprocess.Popen[bytes]] = []

    def start(
        self, queues: str = "train,render,cpu,io", studio: str = "paint", pool: tuple[str, ...] = SOLO
    ) -> subprocess.Popen[bytes]:
        env = {
            "DATABASE_URL": database_url(),
            "STUDIO": studio,
            "STUDIO_FOLDER": str(self.folder),
            "LIKENESS_FLOOR": str(studio == "paint"),  # a real training of a few steps stays below the floor
            "DJANGO_SETTINGS_MODULE": "config.settings_test",
        }
        env = os.environ | self.environment | env
        command = [sys.executable, *CELERY.split(), "-Q", queues, *pool]
        path = self.folder / f"worker-{len(self.running)}.log"
        with path.open("wb") as log:
            worker = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
        worker.log = path  # type: ignore[attr-defined]
        self.running.append(worker)
        return worker

    def steps(self) -> list[str]:
        file = self.folder / "steps"
        return file.read_text().splitlines() if file.exists() else []

    def at(self, step: str) -> subprocess.Popen[bytes] | None:
        """The worker that wrote the last step, if that line begins with `step`."""
        last = (self.steps() or [""])[-1]
        pids = last.split()[-2:]  # of the process that wrote the line, and of its parent
        found = [worker for worker in self.running if str(worker.pid) in pids]
        return found[0] if last.startswith(step) and found else None

    def hold(self, step: str = "") -> None:
        """Pauses steps whose line begins with `step`, from now on. "" pauses every step."""
        (self.folder / "wait").write_text(step)

    def let_go(self) -> None:
        (self.folder / "wait").unlink(missing_ok=True)

    def stop(self) -> None:
        for worker in self.running:
            worker.kill()
            worker.wait()


def evict(worker: subprocess.Popen[bytes]) -> None:
    """Sends SIGTERM, as a deploy does, and waits until the worker has taken it: before that its tasks do not
    know."""
    worker.send_signal(signal.SIGTERM)
    wait_for(lambda: b"shutdown" in worker.log.read_bytes())  # type: ignore[attr-defined]


def kill(worker: subprocess.Popen[bytes], run: Run) -> None:
    """Kills the worker during this run. Then the lease expires and the sweeper finds it."""
    worker.kill()
    worker.wait()
    run.refresh_from_db()
    lapse(run)
    sweep_kind(type(run))


def lapse(run: Run) -> None:
    """Makes the run's lease expire."""
    type(run).objects.filter(id=run.id).update(lease_until=run.created_at - LEASE)


def ended(run: Run) -> bool:
    run.refresh_from_db()
    return not run.is_open
