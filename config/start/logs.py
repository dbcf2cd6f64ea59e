"""The log files of `make run`: var/log/NAME.log, one a process, each cut at a size."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import BinaryIO

MOST = 10 * 1024 * 1024  # bytes of a log; what is older goes into NAME.log.old, and what was there is dropped


def path(var: Path, name: str) -> Path:
    return var / "log" / f"{name}.log"


def opened(file: Path) -> BinaryIO:
    """Open to append, so that a process that writes goes on at the start after a cut."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # mails that are printed end here
    cut(file)
    return file.open("ab")


def cut(file: Path, most: int = 0) -> None:
    """Moves the content of a log that is too long aside, under the hands of whoever writes it. On a full disk
    it is dropped."""
    if file.exists() and file.stat().st_size > (most or MOST):
        old = file.with_name(f"{file.name}.old")
        try:
            shutil.copyfile(file, old)
        except OSError:
            old.unlink(missing_ok=True)
        with file.open("r+b") as log:
            log.truncate(0)


def last_lines(file: Path, count: int = 5) -> list[str]:
    """The last lines that are not empty."""
    if not file.exists():
        return []
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - 20_000))
        lines = log.read().decode(errors="replace").splitlines()
    return [line.rstrip() for line in lines if line.strip()][-count:]
