"""Django's migrate, behind which the running version never waits for long: docs/operations/release.md.

An ALTER TABLE that waits for its lock makes everybody wait who comes after it, even who only reads. So it
gives up after a moment, and is tried again when those before it are through.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.core.management import CommandError, CommandParser
from django.core.management.base import no_translations
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.errors import LockNotAvailable

LOCK, TRIES = 2.0, 5  # seconds for each lock; the pauses become longer: 2, 4, 6 and 8 seconds


class Command(migrate.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        told = "give up a lock that others hold for longer, and try again; 0: wait (default: %(default)s)"
        parser.add_argument("--lock-timeout", type=float, default=LOCK, metavar="SECONDS", help=told)

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        database, seconds = connections[options["database"]], options["lock_timeout"]
        patiently(partial(super().handle, *args, **options), database, seconds, self.stdout.write)


def patiently(
    work: Callable[[], object], database: BaseDatabaseWrapper, seconds: float, say: Callable[[str], object]
) -> None:
    """Does `work`, anew where a lock was not to be had. Raises CommandError in the end."""
    for number in range(1, TRIES + 1):
        try:
            with short_locks(database, seconds) as locks:
                work()
            return
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            if number == TRIES:
                raise CommandError(_refusal(locks.refused, seconds)) from error
        say(f"Others hold a lock that `{locks.refused}` needs. It is tried again.")
        time.sleep(number * seconds)


class ShortLocks:
    """A wrapper of statements (Django's execute_wrapper). One that works CONCURRENTLY waits for its locks
    without a limit: nobody waits behind it, and cut off it would leave half an index."""

    def __init__(self, limit: str) -> None:
        self.limit, self.refused = limit, ""

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        line = context["connection"].connection  # psycopg's own, so that this is not called again
        patient = " CONCURRENTLY " in sql.upper()
        if patient:
            line.execute("SET lock_timeout = 0")
        try:
            return execute(sql, params, many, context)
        except OperationalError:
            self.refused = " ".join(sql.split())[:80]
            raise
        finally:
            if patient:
                line.execute(f"SET lock_timeout = '{self.limit}'")


@contextmanager
def short_locks(database: BaseDatabaseWrapper, seconds: float) -> Iterator[ShortLocks]:
    locks = ShortLocks(f"{1000 * seconds:.0f}ms")
    with database.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{locks.limit}'")
        try:
            with database.execute_wrapper(locks):
                yield locks
        finally:
            cursor.execute("RESET lock_timeout")


def _refusal(statement: str, seconds: float) -> str:
    return (
        f"Others held a lock that `{statement}` needs, {TRIES} times for {seconds:g} seconds: nothing of this"
        " migration was done. End the long transactions in pg_stat_activity, or try again later."
    )
