"""Attacks a running product: `python -m bench.attack [CODE...]`.

Starts the product's web server and workers in a temporary folder and runs every attack of bench/attacks/, or
those with the given codes. Prints what stopped each. Exits 1 when one gets through or ends in an error.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pkgutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import bench.attacks
from bench.attacks import ATTACKS, Attack, GotThrough, Target
from bench.house import ROOT, house
from bench.load import free_port, wait_for
from bench.machine import machine
from config.start import processes

WORKERS = (("cpu", 1), ("io", 1))  # no attack waits for a training or a picture
# The attacks come from many IP addresses; e-mails go to the log as they are.
PRODUCT = {"PROXIES": "1", "LOG_LEVEL": "WARNING", "EMAIL_HOST": ""}


@contextlib.contextmanager
def product() -> Iterator[Target]:
    with house() as folder, contextlib.ExitStack() as stack:
        port = free_port()
        rows = [processes.web("127.0.0.1", port), *(processes.worker(q, concurrency=c) for q, c in WORKERS)]
        for row in rows:
            stack.enter_context(started(row, folder / f"{row.name}.log"))
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/healthz")
        yield Target(url, tuple(folder / f"{row.name}.log" for row in rows))


@contextlib.contextmanager
def started(row: processes.Process, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        process = subprocess.Popen(row.argv, cwd=ROOT, env=row.env() | PRODUCT, stdout=out, stderr=out)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def attacks(codes: list[str]) -> list[Attack]:
    for module in pkgutil.iter_modules(bench.attacks.__path__):
        import_module(f"bench.attacks.{module.name}")
    return [one for one in ATTACKS if not codes or one.code in codes]


def attempt(one: Attack, target: Target) -> bool:
    """True when the attack was stopped. Prints what happened."""
    start = time.monotonic()
    try:
        stopped, said = True, one.run(target)
    except GotThrough as error:
        stopped, said = False, f"GOT THROUGH: {error}"
    except Exception as error:  # an attack that breaks down has shown nothing
        stopped, said = False, f"ERROR: {error!r}"
    print(f"{one.code:5s} {one.title}\n      {said} ({time.monotonic() - start:.1f} s)", flush=True)
    return stopped


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("codes", nargs="*", metavar="CODE", help="such as H1; all without one")
    chosen = attacks(parser.parse_args().codes)
    os.environ |= PRODUCT
    with product() as target:
        print(machine())
        stopped = [attempt(one, target) for one in chosen]
    print(f"{sum(stopped)} of {len(stopped)} attacks stopped")
    return int(not all(stopped) or not stopped)


if __name__ == "__main__":
    sys.exit(main())
