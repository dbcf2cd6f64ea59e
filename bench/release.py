"""Releases while people use the product: `python -m bench.release [--sessions 30]`.

Behind HAProxy (bench/stage.py) a version serves sessions that look, listen to event streams and ask for
pictures (bench/visitors.py). Then, with `manage.py release`:

1. a version whose migration fails half-way, which must change nothing;
2. a version with a real migration: a column, and an index that is built concurrently;
3. the way back.

Prints how long each took, the failed requests, the runs that were lost, and what `ledger_check` says. Exits 1
unless the first is refused, the others succeed, and nothing failed or was lost.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.house import ROOT
from bench.load import STREAM, Load, loaded, show, visitors
from bench.machine import machine
from bench.stage import Stage, stage

PAUSE = 5.0  # seconds of load before, between and after the releases
PATIENCE = 60.0  # seconds for the last runs to end
FULL = "storage_full"  # the code of a refusal
HEAD = """
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "{last}")]
"""
EXPANDS = (
    HEAD
    + """    atomic = False
    operations = [
        migrations.AddField("item", "bench_rank", models.IntegerField(db_default=0)),
        AddIndexConcurrently("item", models.Index(fields=["user", "bench_rank"], name="bench_rank")),
    ]
"""
)
FAILS = (
    HEAD
    + """    operations = [
        migrations.RunSQL("ALTER TABLE gallery_item ADD COLUMN bench_half integer"),
        migrations.RunSQL("SELECT 1 / 0"),
    ]
"""
)


def version(here: Stage, name: str, text: str) -> Path:
    last = max(path.stem for path in (ROOT / "gallery" / "migrations").glob("0*.py"))
    path = f"gallery/migrations/{int(last[:4]) + 1:04}_bench.py"
    return here.version(name, {path: text.format(last=last)})


def timed(here: Stage, what: str, tree: Path, *more: str) -> subprocess.CompletedProcess[str]:
    begun = time.monotonic()
    done = here.release(tree, *more)
    serves = " and ".join(here.runtime.serving()) or "nothing"
    last = (done.stderr or done.stdout).strip().splitlines()[-1]
    took = time.monotonic() - begun
    print(f"{what}: status {done.returncode} after {took:.1f} s; {serves} serves\n    {last}", flush=True)
    return done


def columns() -> set[str]:
    from django.db import connection

    with connection.cursor() as cursor:
        found = connection.introspection.get_table_description(cursor, "gallery_item")
    return {column.name for column in found if column.name.startswith("bench_")}


def rehearse(here: Stage) -> list[str]:
    """What went wrong, a sentence each."""
    first, broken, better = (
        here.folder / "1.0",
        version(here, "1.1-broken", FAILS),
        version(here, "1.1", EXPANDS),
    )
    wrong = []
    time.sleep(PAUSE)
    done = timed(here, "a migration that fails half-way", broken)
    if not done.returncode or here.runtime.serving() != ["blue"] or columns():
        wrong.append("the failed migration changed something")
    time.sleep(PAUSE)
    done = timed(here, "a release with a real migration", better)
    if done.returncode or here.runtime.serving() != ["green"] or columns() != {"bench_rank"}:
        wrong.append(f"the release failed: {done.stdout}{done.stderr}")
    time.sleep(PAUSE)
    done = timed(here, "the way back", first, "--back")
    if done.returncode or here.runtime.serving() != ["blue"]:
        wrong.append(f"the way back failed: {done.stdout}{done.stderr}")
    time.sleep(PAUSE)
    return wrong


def lost(load: Load) -> list[str]:
    """Runs that were accepted and did not succeed, and what is wrong with the money."""
    from billing import audit
    from generation.models import Job

    deadline = time.monotonic() + PATIENCE
    while Job.objects.open().exists() and time.monotonic() < deadline:
        time.sleep(0.5)
    made, again = Job.objects.filter(status="succeeded").count(), Job.objects.filter(attempt__gt=1).count()
    full = Job.objects.filter(status="failed", error_code=FULL).count()  # told, and costs nothing
    gone = max(0, load.asked - made - full)  # one that was asked for at the very end may not be counted
    print(f"pictures: {load.asked} asked for, {made} made, {full} told that there is no room, {gone} lost;")
    print(f"attempts again: {again}")
    return [*([f"{gone} runs are lost"] if gone else []), *audit.problems()]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=30)
    args = parser.parse_args()
    print(f"{machine()}; other programs: a load of {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as folder, stage() as here:
        with loaded(Path(folder), here.origin, visitors(), args.sessions) as load:
            wrong = rehearse(here)
        show(load)
        wrong += lost(load)
    print(f"event streams that were opened anew: {load.of(f'{STREAM}, opened anew')['requests']}")
    wrong += [f"{load.failures} requests failed"] if load.failures else []
    print("\n".join(wrong) or "no request failed, no run was lost, the ledger adds up")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
