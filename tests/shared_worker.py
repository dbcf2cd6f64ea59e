"""One real worker process, shared by several tests."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any


def take_no_task_while_paused(folder: Path) -> None:
    """Runs in the worker. It starts no task while the file `pause` exists. `busy` exists during a task."""
    from celery.signals import task_postrun, task_prerun

    pause, busy = folder / "pause", folder / "busy"

    def before(**_more: Any) -> None:
        busy.touch()  # before the check, so that leave() either pauses this task or sees `busy`
        while pause.exists():
            busy.unlink(missing_ok=True)
            time.sleep(0.02)  # polling: Celery has no hook that holds a task back
            busy.touch()

    def after(**_more: Any) -> None:
        busy.unlink(missing_ok=True)

    task_prerun.connect(before, weak=False)
    task_postrun.connect(after, weak=False)


class SharedWorkers:
    """Like tests.processes.Workers, with one worker for all queues. It is paused between tests."""

    def __init__(self, folder: Path, **environment: str) -> None:
        from tests.processes import Workers

        self.folder, self.own = folder, Workers(folder, **environment)
        self.shared: subprocess.Popen[bytes] | None = None
        self.steps, self.hold, self.let_go = self.own.steps, self.own.hold, self.own.let_go

    def start(self, _queues: str = "", studio: str = "paint") -> subprocess.Popen[bytes]:
        """Resumes the shared worker. For the real studio it starts a worker for this test only, and ends the
        shared one, which would take a task from the queue and hold it."""
        if studio != "paint":
            self._end_shared()
            return self.own.start(studio=studio)
        (self.folder / "pause").unlink(missing_ok=True)
        if self.shared is None:
            self.shared = self.own.start()
            self.own.running.remove(self.shared)
        return self.shared

    def leave(self) -> None:
        """Ends a test: pauses the worker and waits for its running task. Queued tasks stay queued."""
        from tests.processes import wait_for

        self.own.stop()
        (self.folder / "wait").unlink(missing_ok=True)
        (self.folder / "pause").touch()
        wait_for(lambda: not (self.folder / "busy").exists())
        (self.folder / "steps").unlink(missing_ok=True)

    def stop(self) -> None:
        self.own.stop()
        self._end_shared()

    def _end_shared(self) -> None:
        if self.shared:
            self.shared.kill()
            self.shared.wait()
            self.shared = None
