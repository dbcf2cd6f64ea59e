"""Restores a backup into a new folder, which then is a VAR: the database, the files, the keys.

python -m config.start.restore --from BACKUPS --keys FOLDER --into FOLDER [--to TIME] [--files FOLDER]

The database is recovered from the newest base backup before TIME and the archived log, up to TIME, or to the
last archived moment. Then accounts that were erased since are erased again, and the ledger is checked. Exit
status 1, a sentence and no folder when it cannot be done. Servers of one's own: docs/operations/backups.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from config.start import checkout, env, keys
from config.start.embedded import FOLDERS, MAJOR, PostgresService
from config.start.service import EmbeddedError, Service
from support.backups import archive, copies
from support.backups.archive import BackupError, Base

LONGEST = 4 * 3600.0  # seconds that the recovery may take
DOCS = "docs/operations/backups.md says how to restore it"
TOO_LATE = "recovery ended before configured recovery target was reached"
NEXT = """\
Restored from the base backup of {base}{to}.
What is next: start with VAR={into} and BACKUPS set to a new, empty folder, then run `manage.py backup`. Keep
{backups} for 30 days. Decisions that were made since are to be made again: takedowns, suspensions, prices."""


@dataclass(frozen=True)
class Wanted:
    backups: Path
    into: Path
    keys: Path | None
    to: datetime | None  # None: the last archived moment
    files: Path | None  # None: the copies among the backups


def restore(wanted: Wanted) -> Base:
    """Returns the base backup that it began with. Raises BackupError and EmbeddedError; then `into` is as it
    was."""
    _check_target(wanted.into)
    base = archive.base_for(wanted.backups, wanted.to)
    archive.check_log(wanted.backups, base.first, wanted.to)
    base.check()
    try:
        _put_keys(wanted)
        server = _recover(wanted, base)
        _put_files(wanted)
        _finish(wanted, server)
    except BaseException:
        _discard(wanted.into)
        raise
    return base


def _check_target(into: Path) -> None:
    if not into.exists() or not any(into.iterdir()):
        return
    if (into / FOLDERS[PostgresService]).exists() and _postgres(into).running():
        raise BackupError(f"PostgreSQL runs in {into}. Restore into a new folder.")
    raise BackupError(f"{into} is not empty. Restore into a new folder.")


def _postgres(into: Path) -> PostgresService:
    return PostgresService(into / FOLDERS[PostgresService])


def _put_keys(wanted: Wanted) -> None:
    """From the folder `keys`, or from the settings. Those of sessions and tokens may be made anew."""
    target = wanted.into / "keys"
    if wanted.keys:
        if not (wanted.keys / "vault_master_keys").is_file():
            raise BackupError(f"{wanted.keys} holds no file vault_master_keys: is it the copy of the keys?")
        copies.add(wanted.keys, target)
        return
    if not env.given("VAULT_MASTER_KEYS"):
        raise BackupError("The keys are missing: --keys FOLDER, or set VAULT_MASTER_KEYS.")
    target.mkdir(mode=0o700, parents=True)
    for name in filter(env.text, keys.KEYS):  # what comes from a command stays there
        file = target / name.lower()
        file.touch(mode=0o600)
        file.write_text(env.text(name))


# ---------------------------------------------------------------- the database


def _recover(wanted: Wanted, base: Base) -> PostgresService:
    """A running server that has read the log to its end, or to the wanted moment."""
    version = (base.path / "PG_VERSION").read_text().strip()
    if version != str(MAJOR):
        raise BackupError(f"The backup is of PostgreSQL {version}, and {MAJOR} is here: {DOCS}.")
    server = _postgres(wanted.into)
    server.patience = LONGEST
    server.take(base.path, archive.log_since(wanted.backups, base.first))
    server.recovery["recovery_target_action"] = "promote"
    if wanted.to:
        server.recovery["recovery_target_time"] = wanted.to.astimezone(UTC).isoformat(sep=" ")
    _start(server, wanted)
    shutil.rmtree(server.home / "wal")
    return server


def _start(server: PostgresService, wanted: Wanted) -> None:
    """Raises BackupError when the recovery ends without what was wanted."""
    try:
        server.start()
        while _recovers(server):
            time.sleep(0.1)
    except (EmbeddedError, psycopg.Error) as error:
        said = (server.folder / "log").read_text(errors="replace")
        if TOO_LATE in said:
            raise BackupError(
                f"The archived log ends before {wanted.to}: choose an earlier time, or leave --to out for the"
                " last archived moment."
            ) from error
        reasons = [line for line in said.splitlines() if "FATAL" in line or "damaged" in line]
        raise BackupError(f"The recovery failed: {(reasons or [str(error)])[-1]}") from error


def _recovers(server: PostgresService) -> bool:
    with psycopg.connect(server.url) as line:
        row = line.execute("SELECT pg_is_in_recovery()").fetchone()
    return bool(row and row[0])


# ---------------------------------------------------------------- the files


def _put_files(wanted: Wanted) -> None:
    """Files without a row are deleted later by the product itself. Tombstones are only ever added."""
    source = wanted.files or wanted.backups / "files"
    for name in "files", "public":
        copies.add(source / name, wanted.into / name)
        for gone in () if wanted.files else _gone_since(wanted):
            copies.add(gone / name, wanted.into / name)
    tombstones = Path(env.text("TOMBSTONES", str(wanted.into / "tombstones")))
    for known in {source, wanted.backups / "files"}:
        copies.add(known / "tombstones", tombstones)


def _gone_since(wanted: Wanted) -> list[Path]:
    """The newest first: of a file that was replaced twice, the last one."""
    day = (wanted.to or datetime.now(UTC)).astimezone(UTC).date().isoformat()
    found = (wanted.backups / "gone").glob("*-*-*")
    return sorted((path for path in found if path.name >= day), reverse=True)


def _finish(wanted: Wanted, server: PostgresService) -> None:
    """In a process of its own, whose settings are those of the restored folder."""
    redis: list[Service] = []
    try:
        os.environ.pop("BACKUPS", None)
        redis = [each for each in checkout.prepare_anew(wanted.into) if each.url != server.url]
        command = [sys.executable, str(checkout.ROOT / "manage.py"), "after_restore"]
        done = subprocess.run(command, cwd=checkout.ROOT, text=True, stderr=subprocess.PIPE)
    finally:
        for each in (*redis, server):
            each.stop()
    if done.returncode:
        raise BackupError((done.stderr.strip().splitlines() or ["The restored database cannot be read."])[-1])


def _discard(into: Path) -> None:
    for kind, name in FOLDERS.items():
        if (into / name).exists():
            kind(into / name).discard()
    shutil.rmtree(into, ignore_errors=True)


def place(text: str) -> Path:
    return Path(text).resolve()


def moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m config.start.restore", description="Restores a backup.")
    parser.add_argument("--from", dest="backups", type=place, required=True, help="the folder BACKUPS")
    parser.add_argument("--into", type=place, required=True, help="a new folder")
    parser.add_argument("--keys", type=place, help="the copy of VAR/keys; without it, the keys that are set")
    parser.add_argument("--to", type=moment, help="a time such as 2026-11-30T12:00:00+00:00, default UTC")
    parser.add_argument("--files", type=place, help="the old VAR, where its files are whole")
    wanted = Wanted(**vars(parser.parse_args(arguments)))
    try:
        base = restore(wanted)
    except (BackupError, EmbeddedError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    to = f" to {wanted.to.isoformat()}" if wanted.to else " to the last archived moment"
    print(NEXT.format(base=base.path.name, to=to, into=wanted.into, backups=wanted.backups))
    return 0


if __name__ == "__main__":
    sys.exit(main())
