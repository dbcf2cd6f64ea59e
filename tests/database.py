"""The migrated database that the tests copy.

All migrations take fourteen seconds of a processor. The first process that needs them writes the result to
pytest's cache folder; the others, and later runs with the same migrations, restore that file.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connection

from config.start.embedded import PostgresService

ROOT = Path(__file__).resolve().parent.parent
NAME = "migrated"


class other_database:
    """Switches Django to another database of the same server."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        connection.close()
        self.before = connection.settings_dict["NAME"]
        connection.settings_dict["NAME"] = self.name

    def __exit__(self, *_error: object) -> None:
        connection.close()
        connection.settings_dict["NAME"] = self.before


def run_sql(database: str, sql: str) -> None:
    known = connection.get_connection_params()
    known = {k: known[k] for k in ("host", "port", "user", "password") if known.get(k)}
    with psycopg.connect(dbname=database, autocommit=True, **known) as line:
        line.execute(sql)  # type: ignore[call-overload]


def make_migrated(cache: Path, server: PostgresService) -> None:
    """Makes the database NAME in this process's server."""
    run_sql("postgres", f"CREATE DATABASE {NAME}")
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        dump = cache / f"{_digest()}.sql"
        if dump.exists():
            run_sql(NAME, dump.read_text())
            return
        with other_database(NAME):
            call_command("migrate", verbosity=0, interactive=False)
        for old in cache.glob("*.sql"):
            old.unlink()
        _dump(server, dump)


def _dump(server: PostgresService, to: Path) -> None:
    known: dict[str, Any] = connection.get_connection_params()
    place = ["-h", str(known["host"]), "-p", str(known.get("port") or 5432), "-U", str(known["user"])]
    command = [server.programs() / "pg_dump", "--inserts", "--no-owner", *place, NAME]
    sql = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    draft = to.with_suffix(".new")
    # psql's own commands begin with a backslash: pg_dump brackets its output with two.
    draft.write_text("\n".join(line for line in sql.splitlines() if not line.startswith("\\")))
    draft.rename(to)


def _digest() -> str:
    """Of the migrations and the pinned packages, whose migrations run too."""
    found = hashlib.sha256()
    for path in [*sorted(ROOT.glob("*/migrations/*.py")), *sorted(ROOT.glob("requirements*.txt"))]:
        found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()
