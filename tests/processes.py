"""Real worker processes on a test's database."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import connection

from config.runs.models import LEASE, Run

ROOT = Path(__file__).resolve().parent.parent


def database_url() -> str:
    """Of the test's database, for processes that a test starts."""
    head, _slash, tail = os.environ["DATABASE_URL"].rpartition("/")
    query = f"?{tail.split('?', 1)[1]}" if "?" in tail else ""
    return f"{head}/{connection.settings_dict['NAME']}{query}"


def wait_for(done: Callable[[], Any], seconds: float = 300) -> Any:
    """What `done` answers once it is true.

    The limit only ends a test that would hang. It is far above what a crowded machine needs.
    """
    end = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return found


class Workers:
    """Real Celery workers on this test's database; `environment` holds more settings for them."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder, self.environment = folder, environment
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, queues: str = "train,render,cpu,io", studio: str = "paint") -> subprocess.Popen[bytes]:
        env = (
            os.environ
            | self.environment
            | {
                "DATABASE_URL": database_url(),
                "STUDIO": studio,
                "STUDIO_FOLDER": str(self.folder),
                "LIKENESS_FLOOR": str(studio == "paint"),  # a real twin of a few steps resembles nobody
                "DJANGO_SETTINGS_MODULE": "config.settings_test",
            }
        )
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "tests.worker",
            "worker",
            "-Q",
            queues,
            "-c",
            "1",
            "--pool",
            "solo",
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

    def hold(self) -> None:
        (self.folder / "wait").touch()

    def let_go(self) -> None:
        (self.folder / "go").touch()

    def stop(self) -> None:
        for worker in self.running:
            worker.kill()
            worker.wait()


def lapse(run: Run) -> None:
    """As if the lease's time had passed."""
    type(run).objects.filter(id=run.id).update(lease_until=run.created_at - LEASE)


def ended(run: Run) -> bool:
    run.refresh_from_db()
    return not run.is_open
