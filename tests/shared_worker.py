"""One real worker for several tests, each of which uses it as if it had started it."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any


def take_no_task_while_paused(folder: Path) -> None:
    """In the worker: while `pause` is in the folder it begins no task; `busy` is there while it has one."""
    from celery.signals import task_postrun, task_prerun

    pause, busy = folder / "pause", folder / "busy"

    def before(**_more: Any) -> None:
        busy.touch()  # first, so that whoever pauses either stops this task here or sees it
        while pause.exists():
            busy.unlink(missing_ok=True)
            time.sleep(0.02)  # a worker has no other way to be held before a task
            busy.touch()

    def after(**_more: Any) -> None:
        busy.unlink(missing_ok=True)

    task_prerun.connect(before, weak=False)
    task_postrun.connect(after, weak=False)


class SharedWorkers:
    """As tests.processes.Workers, with one worker for all queues. Between tests it takes no task."""

    def __init__(self, folder: Path, **environment: str) -> None:
        from tests.processes import Workers

        self.folder, self.own = folder, Workers(folder, **environment)
        self.shared: subprocess.Popen[bytes] | None = None
        self.steps, self.hold, self.let_go = self.own.steps, self.own.hold, self.own.let_go

    def start(self, _queues: str = "", studio: str = "paint") -> subprocess.Popen[bytes]:
        """A worker with the real studio is one of the test's own."""
        if studio != "paint":
            return self.own.start(studio=studio)
        (self.folder / "pause").unlink(missing_ok=True)
        if self.shared is None:
            self.shared = self.own.start()
            self.own.running.remove(self.shared)
        return self.shared

    def leave(self) -> None:
        """After a test: the task under way ends; what is in the queues waits for the next start."""
        from tests.processes import wait_for

        self.own.stop()
        (self.folder / "wait").unlink(missing_ok=True)
        (self.folder / "pause").touch()
        wait_for(lambda: not (self.folder / "busy").exists())
        (self.folder / "steps").unlink(missing_ok=True)

    def stop(self) -> None:
        for worker in (*self.own.running, *([self.shared] if self.shared else [])):
            worker.kill()
            worker.wait()
