"""What database and vault hold of somebody."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

ANNA, BERT = "amaranth", "bergamot"  # words that are in nothing else


def tables() -> list[str]:
    return [t for t in connection.introspection.table_names() if t != "django_migrations"]


def contents(*needles: str) -> list[str]:
    """The rows of every table in which one of the words stands, whatever the column's type."""
    found = []
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            found += [
                f"{table}: {row}" for (row,) in cursor.fetchall() if any(n in row.lower() for n in needles)
            ]
    return found


def files_of(user_id: Any) -> dict[str, str]:
    folder = Path(settings.STORAGES["default"]["OPTIONS"]["location"]) / "users" / user_id.hex
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file()
    }
