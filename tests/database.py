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
import pytest
from django.core.management import call_command
from django.db import connection, transaction

from config.start.embedded import PostgresService

ROOT = Path(__file__).resolve().parent.parent
NAME = "migrated"
# Tables that keep the rows of the migrations: web processes cache content type ids between tests.
KEPT = {"django_migrations", "django_content_type", "auth_permission", "django_site"}
KEPT |= {"auth_group", "auth_group_permissions"}  # the roles


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


def migrated_dump(config: pytest.Config) -> str:
    """What make_migrated wrote, as SQL."""
    return (_cache(config) / f"{_digest()}.sql").read_text()


def _cache(config: pytest.Config) -> Path:
    return config.cache.mkdir("database")  # type: ignore[union-attr]


def make_migrated(config: pytest.Config, server: PostgresService) -> None:
    """Makes the database NAME in this process's server."""
    cache = _cache(config)
    run_sql("postgres", f"CREATE DATABASE {NAME}")
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        dump = cache / f"{_digest()}.sql"
        if dump.exists():
            run_sql(NAME, dump.read_text())
            return
        with other_database(NAME):
            call_command("migrate", verbosity=0, interactive=False)
            keep_delivered()
        for old in cache.glob("*.sql"):
            old.unlink()
        _dump(server, dump)


def keep_delivered() -> None:
    """Copies what the migrations deliver (plans, packs, presets, costs of engines) to a schema of its own."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA delivered")
        for table in sorted(set(connection.introspection.table_names(cursor)) - KEPT):
            cursor.execute(f'SELECT 1 FROM "{table}" LIMIT 1')
            if cursor.fetchone():
                cursor.execute(f'CREATE TABLE delivered."{table}" AS TABLE "{table}"')


def empty_tables() -> None:
    """Empties the tables, and puts back what the migrations deliver.

    Django's TRUNCATE is refused by the ledger's triggers and waits for every reader. DELETE with
    session_replication_role = replica runs no trigger, checks no foreign key, and is quick on empty tables.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'delivered'")
        delivered = [f'INSERT INTO "{table}" TABLE delivered."{table}"' for (table,) in cursor.fetchall()]
        tables = set(connection.introspection.table_names(cursor)) - KEPT
        deletes = [f'DELETE FROM "{table}"' for table in sorted(tables)]
        cursor.execute("SET LOCAL session_replication_role = replica;" + ";".join(deletes + delivered))


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
    """Of this file, the migrations and the pinned packages, whose migrations run too."""
    found = hashlib.sha256(Path(__file__).read_bytes())
    for path in [*sorted(ROOT.glob("*/migrations/*.py")), *sorted(ROOT.glob("requirements*.txt"))]:
        found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()
