from __future__ import annotations

from django.db import connection


def advisory_lock(name: str) -> None:
    """Take a transaction-level advisory lock on `name`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
