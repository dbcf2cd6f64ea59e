"""Checks the audit log's chain, which migration 0003 builds: no row was changed, put between or removed.

Whoever can write to the database could make the whole chain anew, and could cut off its end. So the end is
told, to be kept elsewhere, and compared with the next time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db import connection

from moderation.models import AuditEntry

BROKEN = """
SELECT place, CASE
    WHEN place <> row THEN 'rows before it are missing'
    WHEN previous <> coalesce(before, '') THEN 'it does not follow the row before it'
    WHEN hash <> sealed THEN 'its content was changed'
    ELSE 'its actor or its subject was changed' END
FROM (
    SELECT place, previous, hash, audit_hash(entry) AS sealed, salt, actor_id, account, subject_id, who, whom,
        row_number() OVER (ORDER BY place) AS row, lag(hash) OVER (ORDER BY place) AS before
    FROM moderation_auditentry AS entry
) AS chain
WHERE place IS NULL OR place <> row OR previous <> coalesce(before, '') OR hash <> sealed
    OR salt IS NOT NULL AND (
        whom <> audit_identity(salt, 'subject', subject_id)
        OR who <> audit_identity(salt, 'actor', actor_id::text))
ORDER BY place LIMIT 100
"""


class End(NamedTuple):
    """The last row of the chain."""

    place: int
    hash: str

    def __str__(self) -> str:
        return f"{self.place}:{self.hash}"


def end() -> End:
    last = AuditEntry.objects.filter(place__isnull=False).order_by("-place").values_list("place", "hash")
    return End(*(last.first() or (0, "")))


def problems(expected: End | None = None) -> Iterator[str]:
    """A sentence for each broken row, at most 100. `expected` is an end that was told earlier."""
    with connection.cursor() as cursor:
        cursor.execute(BROKEN)
        yield from (f"Row {place}: {what}." for place, what in cursor.fetchall())
    if expected and expected.place:
        found = AuditEntry.objects.filter(place=expected.place).values_list("hash", flat=True).first()
        if found != expected.hash:
            yield f"Row {expected.place}: it is not the one that was told earlier."
