"""Many jobs at a service at once on one worker: `python -m bench.remote [--jobs 50]`.

One real process of the worker `remote` against the double of fal: a tenth of the jobs are trainings, the
others pictures. The double holds all of them until every job waits there, then lets them end. Prints the peak
memory of the worker and of its desk (the child that finishes pictures), the connections to PostgreSQL while
all wait, and how long it took. Exits 1 when a job does not succeed, the worker takes 400 MB or more, or
waiting threads hold connections.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.house import ROOT, house, person
from bench.machine import machine
from config.start import processes

MOST_MB = 400.0
PATIENCE = 1800.0  # seconds: the desk finishes one picture after another
USERS = 10  # share the jobs


class Peak:
    """The most memory of the worker and of its children, in MB; `look` now and then."""

    def __init__(self, pid: int) -> None:
        self.pid, self.worker, self.child = pid, 0.0, 0.0

    def look(self) -> None:
        self.worker = max(self.worker, megabytes(self.pid))
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        text = " ".join(file.read_text() for file in children.parents[1].glob("*/children"))
        self.child = max([self.child, *map(megabytes, map(int, text.split()))])


def megabytes(pid: int) -> float:
    """The peak of a process (VmHWM); 0 when it is gone."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


@contextmanager
def remote_worker(fal: Any) -> Iterator[int]:
    """The worker of the table, as `make run` starts it."""
    row = processes.worker("remote", concurrency=64, pool="threads")
    more = {"FAL_URL": fal.address, "FAL_KEYS": ",".join(fal.keys), "STUDIO_PROFILES": "nano,fal"}
    quiet = subprocess.DEVNULL
    started = subprocess.Popen(row.argv, cwd=ROOT, env=row.env() | more, stdout=quiet, stderr=quiet)
    try:
        yield started.pid
    finally:
        started.terminate()
        started.wait()


def request(jobs: int) -> list[Any]:
    """`jobs` runs of USERS people: every tenth a training, the others a picture each."""
    from generation.services import request_images
    from twins.services import start_training

    owners = [person(f"user{n}") for n in range(USERS)]
    made = []
    for n in range(jobs):
        if n % 10 == 0:
            made.append(start_training(a_twin(person(f"trainer{n}")), base="fal", seed=n))
        else:
            owner = owners[n % USERS]
            made.append(request_images(owner, twin=None, prompt="a house by a lake", engine="fal", seed=n))
    return made


def a_twin(owner: Any) -> Any:
    from tests.hosted import drawn_photos, ready_twin

    return ready_twin(owner, drawn_photos())


def states() -> Counter[str]:
    from billing.engines.models import RemoteRequest

    return Counter(RemoteRequest.objects.values_list("state", flat=True))


def connections() -> int:
    """Those of the worker: this process has one, Django's pool of the worker the others."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'"
            " AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


def wait(done: Any, peak: Peak) -> bool:
    end = time.monotonic() + PATIENCE
    while not done():
        peak.look()
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    peak.look()
    return True


def measure(fal: Any, jobs: int) -> bool:
    from config.runs.sweeper import sweep

    fal.pace(hold=True)
    fal.pace(fal.TRAINER, hold=True)
    made, start = request(jobs), time.monotonic()
    with remote_worker(fal) as pid:
        peak = Peak(pid)
        all_wait = wait(lambda: states()["waiting"] == jobs or sweep() < 0, peak)
        print(f"{states()['waiting']} of {jobs} wait there after {time.monotonic() - start:.0f} s")
        busy = max(connections() for _ in range(20))
        print(f"connections to PostgreSQL in use meanwhile: {busy}; the worker has {peak.worker:.0f} MB")
        for model in ("", fal.TRAINER, fal.PICTURES):
            fal.pace(model, polls=0)
        fal.finish()
        ended = wait(lambda: sweep() < 0 or not any(is_open(run) for run in made), peak)
        took = time.monotonic() - start
    ends = Counter(f"{run.status} {run.error_code}".strip() for run in made)
    print(f"{dict(ends)} after {took:.0f} s; requests: {dict(states())}")
    print(f"peak memory: worker {peak.worker:.0f} MB, its desk {peak.child:.0f} MB (limit {MOST_MB:.0f} MB)")
    return all_wait and ended and ends["succeeded"] == jobs and peak.worker < MOST_MB and busy <= 10


def is_open(run: Any) -> bool:
    run.refresh_from_db()
    return bool(run.is_open)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=50)
    jobs = parser.parse_args().jobs
    from bench.crash_remote import know
    from tests.remote import FalDouble

    with FalDouble() as fal, house():
        print(machine())
        os.environ["LOG_LEVEL"] = "ERROR"
        know(fal)
        from billing.models import Plan

        Plan.objects.update(jobs=0)  # all of a user's jobs work at once
        return int(not measure(fal, jobs))


if __name__ == "__main__":
    sys.exit(main())
