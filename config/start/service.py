"""A server that belongs to a folder. Several processes may start it: it runs once, and outlives them.

The server inherits a lock on a file in its folder. The lock is free exactly when no server runs and no
process is starting one. A pid file beside a free lock is stale.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from redis import RedisError

# User and group id of PostgreSQL's files when we are root. No system assigns this number by itself.
PG_UID = 60_900
WAIT = 60.0  # seconds for a start or a stop: recovery after a crash can take long
MIN_FREE = 100 * 1024 * 1024  # bytes of free disk; a new database takes half of them
MOST_LOG = 10 * 1024 * 1024  # bytes: a longer log is renamed to log.old at the next start


class EmbeddedError(Exception):
    """A server cannot be started, reached or stopped; the sentence says what to do."""


class Service(ABC):
    """A server that belongs to `folder`. `started` says whether this object launched it."""

    name: str
    variable: str  # the setting that holds its address
    patience = WAIT

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.started = False
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._error("has no folder", str(error)) from error

    @property
    @abstractmethod
    def url(self) -> str:
        """The address for clients, the same after a restart."""

    def answers(self) -> bool:
        """Whether the server takes connections now. `running` is checked too, because another program may
        answer at the address of a stopped server."""
        return self.running() and self._responds()

    @abstractmethod
    def _responds(self) -> bool: ...

    @abstractmethod
    def _launch(self, lock: int) -> None: ...

    @abstractmethod
    def _quit(self) -> None: ...

    def start(self) -> Service:
        """Returns once the server answers. It outlives this process. Raises EmbeddedError."""
        launches, deadline = 0, time.monotonic() + self.patience
        while not self.answers():
            with _lock(self.folder) as lock:
                if lock is not None:
                    if launches == 3:  # several tries: a free port may be taken before the server binds it
                        raise self._error("ended right after its start", self._last_words())
                    self._prepare(lock)
                    launches += 1
            self._pause(deadline, "does not answer")
        self.started = launches > 0
        return self

    def _prepare(self, lock: int) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < MIN_FREE:
            raise self._error(
                "has too little disk", f"{free >> 20} MB are free, {MIN_FREE >> 20} MB are needed"
            )
        log = self.folder / "log"
        if log.exists() and log.stat().st_size > MOST_LOG:
            log.replace(self.folder / "log.old")
        try:
            self._launch(lock)
        except (OSError, KeyError, subprocess.TimeoutExpired) as error:
            raise self._error("cannot be started", str(error)) from error

    def stop(self) -> None:
        """Returns once the server's last process has ended. Raises EmbeddedError."""
        deadline = time.monotonic() + self.patience
        while self.running():
            with suppress(EmbeddedError, RedisError, subprocess.TimeoutExpired):
                self._quit()
            self._pause(deadline, "does not stop")

    def running(self) -> bool:
        with _lock(self.folder) as lock:
            return lock is None

    def discard(self) -> None:
        """Stops the server and deletes its data."""
        self.stop()
        shutil.rmtree(self.folder)

    def _pause(self, deadline: float, problem: str) -> None:
        if time.monotonic() > deadline:
            raise self._error(
                problem, f"waited {self.patience:.0f} seconds; a process holds {self.folder / 'lock'}"
            )
        time.sleep(0.02)

    def _call(
        self, *command: str | Path, lock: int | None = None, cwd: Path = Path("/"), uid: int | None = None
    ) -> None:
        """Runs a program of the server, without our environment. Its output goes to the log."""
        rights: dict[str, Any] = {} if uid is None else {"user": uid, "group": PG_UID, "extra_groups": ()}
        with (self.folder / "log").open("ab") as log:
            done = subprocess.run(
                command,
                cwd=cwd,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                timeout=WAIT,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=() if lock is None else (lock,),
                **rights,
            )
        if done.returncode:
            raise self._error("refused", self._last_words())

    def _last_words(self) -> str:
        log = self.folder / "log"
        tail = log.read_text(errors="replace").strip().splitlines()[-5:] if log.exists() else []
        # PostgreSQL logs its shutdown after the reason.
        reasons = [line for line in tail if "FATAL" in line or "error" in line]
        return (reasons or tail or ["its log is empty"])[-1].strip()

    def _error(self, problem: str, detail: str) -> EmbeddedError:
        advice = f"See {self.folder / 'log'}, or set {self.variable} to a server of your own."
        return EmbeddedError(f"{self.name} {problem}: {detail}. {advice}")


@contextmanager
def _lock(folder: Path) -> Iterator[int | None]:
    """The descriptor that holds the folder's lock, or None when a server or another process has it."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor if _take(descriptor) else None
    finally:
        os.close(descriptor)  # a server that inherited the descriptor still holds the lock


def _take(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
