"""Wrong clocks for bench/chaos.py. Some programs of a stage begin with clock.c before their C library, and
read from one file how far their clock is off; the others, PostgreSQL and Redis keep the true time.

Not libfaketime (0.9.10 of Debian 12): with a true time.monotonic, time.sleep of Python 3.11 fails under it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

HOUR, DAY = 3600, 86_400
LIBRARY, FILE, PROGRAMS = "BENCH_CLOCK_LIBRARY", "BENCH_CLOCK", "BENCH_CLOCKED"
HERE = "**os.environ}"  # the end of Process.env in config/start/processes.py


def prepare(folder: Path, programs: tuple[str, ...]) -> bool:
    """For the stage that is started next. False where no C compiler is."""
    if not (compiler := shutil.which("cc")):
        return False
    library, source = folder / "clock.so", Path(__file__).with_name("clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
    os.environ |= {LIBRARY: str(library), FILE: str(folder / "clock"), PROGRAMS: " ".join(programs)}
    shift(0)
    return True


def shift(seconds: int) -> None:
    """The programs see it within a second."""
    file = Path(os.environ[FILE])
    draft = file.with_suffix(".new")
    draft.write_text(f"{seconds}\n")
    draft.rename(file)


def in_tree(table: str) -> str:
    """The text of a version's processes.py, whose programs ask for their clock."""
    assert table.count(HERE) == 1
    return table.replace(HERE, f'{HERE} | import_module("bench.clocks").of(self.name)')


def of(program: str) -> dict[str, str]:
    """The environment of a program."""
    wrong = program in os.environ.get(PROGRAMS, "").split()
    return {"LD_PRELOAD": os.environ[LIBRARY]} if wrong else {}
