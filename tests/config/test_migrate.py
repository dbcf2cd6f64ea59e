"""A migration that meets locks of the running version, held by another connection to a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError
from django.db import ProgrammingError, connection, transaction

from config.management.commands.migrate import TRIES, patiently
from tests.processes import wait_for

LIMIT = 0.01  # seconds
INDEX = "CREATE INDEX CONCURRENTLY held_index ON held (id)"


@pytest.fixture
def reader(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    """Another connection, which has read the table `held` and has not ended its transaction."""
    run("CREATE TABLE held (id integer)")
    known = {k: v for k, v in connection.get_connection_params().items() if k in NAMES}
    with psycopg.connect(**known) as line:
        line.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        line.execute("SELECT * FROM held")
        yield line
        line.rollback()
        run("DROP TABLE held")


NAMES = ("host", "port", "user", "password", "dbname")


def run(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone() if cursor.description else None


def alter() -> None:
    with transaction.atomic():
        run("ALTER TABLE held ADD COLUMN added integer")


def is_there(column: str) -> bool:
    names = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'held'"
    return bool(run(f"{names} AND column_name = '{column}'")[0])


def test_a_lock_that_others_keep_ends_it_and_nothing_is_changed(reader: Any) -> None:
    said: list[str] = []
    with pytest.raises(CommandError, match="`ALTER TABLE held ADD COLUMN added integer` needs, 5 times"):
        patiently(alter, connection, LIMIT, said.append)
    assert len(said) == TRIES - 1
    assert not is_there("added")
    assert run("SHOW lock_timeout") == ("0",)


def test_a_lock_that_others_give_back_is_had_at_the_next_try(reader: Any) -> None:
    said: list[str] = []
    patiently(alter, connection, LIMIT, lambda told: (said.append(told), reader.rollback()))
    assert said == [
        "Others hold a lock that `ALTER TABLE held ADD COLUMN added integer` needs. It is tried again."
    ]
    assert is_there("added")


def test_an_index_that_is_built_concurrently_waits_without_a_limit(reader: Any) -> None:
    def build() -> None:
        patiently(lambda: run(INDEX), connection, LIMIT, print)
        connection.close()

    waits = f"SELECT 1 FROM pg_stat_activity WHERE query = '{INDEX}' AND now() - query_start > '0.1 s'"
    with ThreadPoolExecutor() as pool:
        built = pool.submit(build)
        wait_for(lambda: run(waits))
        reader.rollback()
        built.result()
    assert run("SELECT indisvalid FROM pg_index WHERE indexrelid = 'held_index'::regclass") == (True,)


def test_another_error_is_not_tried_again(transactional_db: None) -> None:
    with pytest.raises(ProgrammingError, match="nowhere"):
        patiently(lambda: run("ALTER TABLE nowhere ADD COLUMN added integer"), connection, LIMIT, print)
