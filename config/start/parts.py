"""The parts of a `make run`: its servers and programs. A part that ends is started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

from config.start import logs
from config.start.checkout import ROOT
from config.start.processes import Process
from config.start.service import Service

QUICK = 10.0  # seconds: a part that ends sooner after its start ended "at once"
PAUSE = 0.5  # seconds before a restart; doubles each time the part ends at once
MOST_ENDS = 4  # `make run` stops when a part ends at once this many times in a row


class RunError(Exception):
    """`make run` cannot start, or cannot go on; the sentence says what to do."""


def say(line: str) -> None:
    with suppress(OSError):  # the terminal may be closed; the programs must still be stopped
        print(line, flush=True)


class Part(ABC):
    name: str
    log: Path

    def __init__(self) -> None:
        self.began, self.ends, self.due = 0.0, 0, 0.0

    @abstractmethod
    def alive(self) -> bool: ...

    @abstractmethod
    def start(self) -> None: ...

    def how(self) -> str:
        """How the part ended, in a few words."""
        return "ended"

    def begin(self) -> None:
        self.start()
        self.began, self.due = time.monotonic(), 0.0

    def look(self) -> None:
        """Starts the part again when it has ended. Raises RunError after MOST_ENDS ends in a row."""
        if self.due:
            if time.monotonic() >= self.due:
                self.begin()
        elif not self.alive():
            self._plan(time.monotonic())

    def _plan(self, now: float) -> None:
        self.ends = self.ends + 1 if now - self.began < QUICK else 1
        if self.ends == MOST_ENDS:
            last = "".join(f"\n    {line}" for line in logs.last_lines(self.log))
            raise RunError(
                f"{self.name} {self.how()}, {self.ends} times at once after its start. "
                f"The end of {self.log}:{last}"
            )
        self.due = now + PAUSE * 2 ** (self.ends - 1)
        say(f"{time.strftime('%H:%M:%S')} {self.name} {self.how()} and is started again; see {self.log}")


class Program(Part):
    """A process of the table. It has its own session, so the terminal's Ctrl-C does not reach it."""

    def __init__(self, process: Process, *, var: Path, origin: str) -> None:
        super().__init__()
        self.process, self.name, self.log = process, process.name, logs.path(var, process.name)
        self.more = {"ORIGIN": origin, "VAR": str(var), "PYTHONUNBUFFERED": "1"}
        self.child: subprocess.Popen[bytes] | None = None

    def alive(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def start(self) -> None:
        self.kill()  # children of the ended process may still hold its port
        with logs.opened(self.log) as log:
            self.child = subprocess.Popen(
                self.process.argv,
                cwd=ROOT,
                env=self.process.env() | self.more,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def how(self) -> str:
        return f"ended with status {self.child.returncode if self.child else 0}"

    def terminate(self) -> None:
        if self.child is not None and self.alive():
            self.child.terminate()

    def kill(self) -> None:
        """Kills all processes of its session."""
        if self.child is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()


class Server(Part):
    """PostgreSQL or Redis, which runs already."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service, self.name, self.log = service, service.name, service.folder / "log"
        self.url, self.began = service.url, time.monotonic()

    def alive(self) -> bool:
        return self.service.running()

    def start(self) -> None:
        self.service.start()
        if self.service.url != self.url:
            raise RunError(
                f"{self.name} had to take another address, because its port is in use. Run `make run` again."
            )
