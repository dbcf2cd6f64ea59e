"""Wrong clocks for bench/chaos.py, by libfaketime (Debian: faketime).

Some programs of a stage begin under it, and read from one file how far their clock is off; the others, the
database and Redis keep the true time. Clocks that cannot be put back (time.monotonic) stay as they are, as
when an operator or NTP sets the clock.
"""

from __future__ import annotations

import os
from pathlib import Path

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
FILE, PROGRAMS = "BENCH_CLOCK", "BENCH_CLOCKED"  # names in the environment of a stage
HERE = "**os.environ}"  # the end of Process.env in config/start/processes.py


def prepare(file: Path, programs: tuple[str, ...]) -> None:
    """For the stage that is started next."""
    os.environ |= {FILE: str(file), PROGRAMS: " ".join(programs)}
    shift(file, "+0")


def shift(file: Path, off: str) -> None:
    """`off`: such as +1h or -1d. The programs see it within a second."""
    draft = file.with_suffix(".new")
    draft.write_text(f"{off}\n")
    draft.rename(file)


def in_tree(table: str) -> str:
    """The text of a version's processes.py, whose programs ask for their clock."""
    assert table.count(HERE) == 1
    return table.replace(HERE, f'{HERE} | import_module("bench.clocks").of(self.name)')


def of(program: str) -> dict[str, str]:
    """The environment of a program."""
    if LIBRARY is None or program not in os.environ.get(PROGRAMS, "").split():
        return {}
    told = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": os.environ[FILE]}
    return told | {"FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
