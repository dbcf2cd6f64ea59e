"""Proves that an erased account is gone: no key, no row that names it, no file, and a tombstone."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.db import connection

from accounts import erasure, tombstones
from accounts.models import DataKey, Erasure
from accounts.vault.storage import storage_of
from accounts.vault.vault import store

# Types of columns that can hold an id: the others (numbers, times, vectors) are not read.
NAMING = ("uuid", "_uuid", "text", "_text", "varchar", "_varchar", "json", "jsonb", "bpchar", "inet")
COLUMNS = """SELECT table_name, array_agg(quote_ident(column_name)) FROM information_schema.columns
 WHERE table_schema = current_schema() AND udt_name = ANY(%s) GROUP BY table_name ORDER BY table_name"""


def account_of(name: str) -> UUID | None:
    """The account of a user's id or of an erasure's receipt; None if neither is known here."""
    try:
        ident = UUID(name)
    except ValueError:
        return None
    if tombstones.exists(ident):
        return ident
    if open_one := Erasure.objects.filter(id=ident, account__isnull=False).first():
        return open_one.account
    if found := tombstones.account_of(ident):
        return found
    return None if Erasure.objects.filter(id=ident).exists() else ident


def problems(account: UUID) -> list[str]:
    """What is left of the account, one sentence each. Reads every table once."""
    found = [] if tombstones.exists(account) else ["There is no tombstone of it."]
    if DataKey.objects.filter(user_id=account).exists():
        found.append("Its key is still there: its files can be decrypted.")
    if keys := erasure.sessions_of(account):
        found.append(f"django_session: {len(keys)} sessions name it.")
    return [*found, *_rows(account), *_files(account)]


def _rows(account: UUID) -> Iterator[str]:
    """The tables with rows that name the account in any column, whether or not it is a foreign key."""
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS, [list(NAMING)])
        for table, columns in cursor.fetchall():
            text = ", ".join(f"{column}::text" for column in columns)
            where = f"concat_ws(' ', {text}) LIKE ANY(%s)"
            names = [f"%{account}%", f"%{account.hex}%"]
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE {where}', [names])
            if count := cursor.fetchone()[0]:
                yield f"{table}: {count} rows name it."


def _files(account: UUID) -> Iterator[str]:
    for name in storage_of(account).all_files():
        yield f"The file {name} is still there, and {'opens' if _opens(account, name) else 'does not open'}."


def _opens(account: UUID, name: str) -> bool:
    try:
        store(account).read(name)
    except Exception:  # no key, not sealed, sealed with another key, or unreadable
        return False
    return True
