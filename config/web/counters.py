"""A cache in PostgreSQL that evicts nothing: what counts attempts at logins and codes must not be lost."""

from __future__ import annotations

import base64
import pickle
from datetime import UTC, datetime
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import DatabaseCache
from django.db import connections, router

SET = """INSERT INTO {table} AS t (cache_key, value, expires) VALUES (%s, %s, %s)
 ON CONFLICT (cache_key) DO UPDATE SET value = excluded.value, expires = excluded.expires"""
STATEMENTS = {"set": SET, "add": f"{SET} WHERE t.expires < now()"}
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class Counters(DatabaseCache):
    """Django's database cache deletes every third row, live ones too, once it holds 300, and counts all rows
    at every write. Here each write is one statement, and rows leave when they expire (`accounts.retain`)."""

    def _base_set(self, mode: str, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT) -> bool:
        """Returns whether the row was written: `add` leaves a live row as it is."""
        connection = connections[router.db_for_write(self.cache_model_class)]
        table, until = connection.ops.quote_name(self._table), self._until(timeout)
        with connection.cursor() as cursor:
            if mode == "touch":
                cursor.execute(f"UPDATE {table} SET expires = %s WHERE cache_key = %s", [until, key])
            else:
                row = [key, self._packed(value), until]
                cursor.execute(STATEMENTS[mode].format(table=table), row)
            return bool(cursor.rowcount)

    def _packed(self, value: Any) -> str:
        return base64.b64encode(pickle.dumps(value, self.pickle_protocol)).decode()

    def _until(self, timeout: Any) -> datetime:
        seconds = self.get_backend_timeout(timeout)
        return NEVER if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)
