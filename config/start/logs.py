"""The log files of `make run`: var/log/NAME.log, one for each process, of limited size."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import BinaryIO

MOST = 10 * 1024 * 1024  # bytes of a log; a longer one is moved to NAME.log.old, which it replaces


def path(var: Path, name: str) -> Path:
    return var / "log" / f"{name}.log"


def opened(file: Path) -> BinaryIO:
    """Opens the log to append, so that the process writes at the new end after a cut."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # 0700: printed e-mails are in the logs
    cut(file)
    return file.open("ab")


def cut(file: Path, most: int = 0) -> None:
    """Copies a log that is too long to NAME.log.old and truncates it, while its process keeps writing.

    On a full disk the old content is dropped.
    """
    if file.exists() and file.stat().st_size > (most or MOST):
        old = file.with_name(f"{file.name}.old")
        try:
            shutil.copyfile(file, old)
        except OSError:
            old.unlink(missing_ok=True)
        with file.open("r+b") as log:
            log.truncate(0)


def last_lines(file: Path, count: int = 5) -> list[str]:
    """The last `count` lines that are not empty."""
    if not file.exists():
        return []
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - 20_000))
        lines = log.read().decode(errors="replace").splitlines()
    return [line.rstrip() for line in lines if line.strip()][-count:]
