"""The drill: `python -m bench.recover [--seconds 100]`.

A product in a temporary folder archives its database and takes a base backup. People get pictures and
credits in a loop; one account is erased after the base backup, another just before the end. Then PostgreSQL
is killed (SIGKILL) and its data deleted. `config.start.restore` restores it to the last archived moment, and
a web server starts on it. Printed: what was lost (RPO), how long it took (RTO), the ledger, the pictures,
the erased accounts. Exits 1 when a picture does not open, the ledger does not add up, an erased account is
back, or more than a minute was lost.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from bench.house import ROOT, house, person
from bench.load import free_port, wait_for
from bench.machine import machine
from config.start import checkout, processes
from config.start.embedded import PostgresService

PEOPLE = 20
PAUSE = 0.1  # seconds between two writes
MOST_LOST = 60.0  # seconds


@contextmanager
def backups() -> Iterator[Path]:
    """A folder that PostgreSQL's own user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="photoflux-backups-", dir="/var/tmp"))
    folder.chmod(0o711)
    os.environ["BACKUPS"] = str(folder)
    os.environ.pop("TOMBSTONES", None)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def write(people: list[Any], seconds: float) -> list[tuple[float, str]]:
    """(when committed, id) of each picture; with each comes a credit."""
    import numpy as np
    from django.db import transaction

    from billing import ledger
    from gallery.models import Item
    from gallery.services import save_item
    from ml import media
    from ml.drawn.people import Scene, random_person
    from ml.drawn.portraits import draw

    picture = media.encode_png(draw(random_person(np.random.default_rng(0)), Scene(), 256, 256))
    made, end = [], time.time() + seconds
    while time.time() < end:
        user, ident = people[len(made) % len(people)], uuid.uuid4()
        facts = save_item(user.id, ident, picture)
        with transaction.atomic():
            Item.objects.create(id=ident, user=user, width=256, height=256, **facts)
            ledger.grant(ledger.wallet_of(user), 1, cause=f"recover:{ident}")
        made.append((time.time(), str(ident)))
        time.sleep(PAUSE)
    return made


def erase(user: Any) -> str:
    from accounts import erasure

    account = str(user.id)
    with redirect_stdout(io.StringIO()):  # the e-mail
        erasure.finish(erasure.ask(user))
    return account


def destroy(var: Path) -> float:
    """Kills PostgreSQL and deletes its data; returns when."""
    server = PostgresService(var / "postgres")
    os.kill(int((server.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    killed = time.time()
    while server.running():
        time.sleep(0.05)
    shutil.rmtree(server.data)
    return killed


def restore(folder: Path, var: Path, into: Path) -> bool:
    where = ("--from", folder, "--keys", var / "keys", "--files", var, "--into", into)
    command = [sys.executable, "-m", "config.start.restore", *map(str, where)]
    return subprocess.run(command, cwd=ROOT).returncode == 0


def serves() -> None:
    """Starts a web server on what `prepare_anew` prepared, and waits until it is ready."""
    port = free_port()
    row = processes.web("127.0.0.1", port)
    quiet = subprocess.DEVNULL
    web = subprocess.Popen(row.argv, cwd=ROOT, env=row.env(), stdout=quiet, stderr=quiet)
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz")
    finally:
        web.terminate()
        web.wait()


def inspect(accounts: list[str]) -> dict[str, Any]:
    """What the restored product holds; runs in a process of its own."""
    import django

    django.setup()
    from accounts import erase_check
    from accounts.vault.checking import check
    from billing import audit
    from gallery.models import Item

    opened, wrong = check(every=True)
    return {
        "items": [str(ident) for ident in Item.objects.values_list("id", flat=True)],
        "opened": opened,
        "wrong": wrong,
        "ledger": audit.problems(),
        "erased": [each for account in accounts for each in erase_check.problems(uuid.UUID(account))],
    }


def inspected(accounts: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.recover", "--inspect", *accounts]
    return dict(json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout))


def told(made: list[tuple[float, str]], killed: float, took: tuple[float, float], found: Any) -> bool:
    """Prints it. Whether all is well."""
    known = set(found["items"])
    kept = [when for when, ident in made if ident in known]
    lost = killed - max(kept, default=made[0][0])
    print(f"written: {len(made)} pictures and credits; lost: {len(made) - len(kept)}")
    print(f"RPO: {lost:.1f} s before the kill")
    print(f"RTO: {sum(took):.1f} s: {took[0]:.1f} s restoring, {took[1]:.1f} s until the web server is ready")
    print(f"files that opened: {found['opened']}; that did not: {len(found['wrong'])}", *found["wrong"][:5])
    print("ledger_check:", found["ledger"] or "adds up")
    print("erased accounts:", found["erased"] or "stay erased")
    return lost <= MOST_LOST and not (found["wrong"] or found["ledger"] or found["erased"])


def drill(folder: Path, var: Path, seconds: float) -> bool:
    from django.core.management import call_command
    from django.db import connection

    people = [person(f"person{n}") for n in range(PEOPLE)]
    first, last = person("first"), person("last")
    write([first, last], 1)
    call_command("backup")
    erased = [erase(first)]
    made = write(people, seconds)
    erased.append(erase(last))
    connection.close()
    killed, into = destroy(var), var / "restored"
    begun = time.time()
    if not restore(folder, var, into):
        return False
    restored = time.time()
    os.environ.pop("BACKUPS")
    services = checkout.prepare_anew(into)
    try:
        serves()
        took = restored - begun, time.time() - restored
        return told(made, killed, took, inspected(erased))
    finally:
        for service in services:
            service.discard()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=100, help="of writing before the kill")
    parser.add_argument("--inspect", nargs="*", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inspect is not None:
        print(json.dumps(inspect(args.inspect)))
        return 0
    print(machine(), flush=True)
    with backups() as folder, house() as var:
        return 0 if drill(folder, var, args.seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
