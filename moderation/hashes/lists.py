"""Lists of blocked hashes as text: a line for each, `hash,source,date`. A line with # is a remark.

    f8f8f0cce0f4e84d0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22,StopNCII,2026-11-02

Services that collect such hashes give out the hash; source and date are what the operator writes beside it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from moderation.hashes.models import BlockedHash

MOST = 1_000_000  # lines
LONGEST_SOURCE = 80


class ListBroken(DomainError):
    code = "hash_list_broken"
    message = _(
        "Line %(line)s cannot be read, so nothing was imported. A line is a hash of 64 hexadecimal digits, "
        "its source and a date: hash,source,2026-11-02"
    )


class ListTooLong(DomainError):
    code, message = "hash_list_too_long", _("A list has at most %(most)s lines. Import it in parts.")


def read(text: str) -> list[tuple[int, str, datetime.date]]:
    """(hash, source, date) of each line. Raises ListBroken, ListTooLong."""
    lines = text.splitlines()
    if len(lines) > MOST:
        raise ListTooLong(most=MOST)
    numbered = ((number, line.strip()) for number, line in enumerate(lines, 1))
    return [_read_line(number, line) for number, line in numbered if line and not line.startswith("#")]


def _read_line(number: int, line: str) -> tuple[int, str, datetime.date]:
    bits, _comma, rest = (part.strip() for part in line.partition(","))
    source, _comma, date = (part.strip() for part in rest.rpartition(","))
    try:
        if not re.fullmatch("[0-9a-fA-F]{64}", bits) or not 0 < len(source) <= LONGEST_SOURCE:
            raise ValueError
        if not source.isprintable():
            raise ValueError
        return int(bits, 16), source, datetime.date.fromisoformat(date)
    except ValueError:
        raise ListBroken(line=number) from None


def bring_in(text: str) -> int:
    """Adds the list's hashes, all or none. Returns how many are new. Raises ListBroken, ListTooLong."""
    before = BlockedHash.objects.count()
    rows = [BlockedHash.of(bits, source=source, date=date) for bits, source, date in read(text)]
    BlockedHash.objects.bulk_create(rows, ignore_conflicts=True, batch_size=2000)
    return BlockedHash.objects.count() - before


def give_out() -> Iterator[str]:
    """The lines of the whole list, in the form that `bring_in` reads."""
    yield "# hash,source,date\n"
    for row in BlockedHash.objects.order_by("id").iterator(chunk_size=2000):
        yield f"{row.hexadecimal},{row.source},{row.date.isoformat()}\n"
