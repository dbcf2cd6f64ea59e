"""The lines of a list: how they are read, and how they get into and out of its table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from config.web.text import nfc
from ml.words.screening import is_term
from moderation.hashes import lists as hashes
from moderation.hashes.models import BlockedHash, bit_string
from moderation.lists.models import ListVersion
from moderation.models import BlockedTerm

LONGEST = 80  # characters of a term
MOST_TERMS = 5000
REMARK = "#"  # begins the reason behind a term


class LineBroken(DomainError):
    code = "list_broken"
    message = _(
        "Line %(line)s cannot be used, so nothing was changed. A line is a word, a phrase or a name of at"
        " most 80 characters, and if you like # and a reason behind it."
    )


class Lines(Protocol):
    def read(self, text: str) -> list[str]:
        """The lines in their normal form, each once. Raises DomainError, which names a broken line."""

    def now(self) -> list[str]:
        """The lines of the list as it stands."""

    def add(self, lines: Iterable[str]) -> None: ...
    def remove(self, lines: Iterable[str]) -> None: ...


class TermLines:
    """`term` or `term # reason`."""

    def __init__(self, kind: str):
        self.kind = kind

    def read(self, text: str) -> list[str]:
        numbered = ((number, nfc(line).strip()) for number, line in enumerate(text.splitlines(), 1))
        lines = [_plain(number, line) for number, line in numbered if line]
        if len(lines) > MOST_TERMS:
            raise LineBroken(line=MOST_TERMS + 1)
        return list(dict.fromkeys(lines))

    def now(self) -> list[str]:
        rows = BlockedTerm.objects.filter(kind=self.kind).order_by("text")
        return [f"{row.text} {REMARK} {row.reason}" if row.reason else row.text for row in rows]

    def add(self, lines: Iterable[str]) -> None:
        rows = [BlockedTerm(kind=self.kind, **_split(line)) for line in lines]
        BlockedTerm.objects.bulk_create(rows, ignore_conflicts=True)

    def remove(self, lines: Iterable[str]) -> None:
        texts = [_split(line)["text"] for line in lines]
        BlockedTerm.objects.filter(kind=self.kind, text__in=texts).delete()


def _plain(number: int, line: str) -> str:
    parts = _split(line)
    if not line.isprintable() or len(parts["text"]) > LONGEST or len(parts["reason"]) > 2 * LONGEST:
        raise LineBroken(line=number)
    if not is_term(parts["text"]):
        raise LineBroken(line=number)
    return f"{parts['text']} {REMARK} {parts['reason']}" if parts["reason"] else parts["text"]


def _split(line: str) -> dict[str, str]:
    text, _sign, reason = line.partition(REMARK)
    return {"text": text.strip(), "reason": reason.strip()}


class HashLines:
    """`hash,source,date`. What a decision took down here is not part of the list: the decision keeps it."""

    def read(self, text: str) -> list[str]:
        return list(dict.fromkeys(map(_hash_line, hashes.read(text))))

    def now(self) -> list[str]:
        rows = BlockedHash.objects.order_by("id")
        return list(map(line_of, rows.iterator(chunk_size=2000)))

    def add(self, lines: Iterable[str]) -> None:
        rows = [BlockedHash.of(bits, source=source, date=date) for bits, source, date in _hashes(lines)]
        BlockedHash.objects.bulk_create(rows, ignore_conflicts=True, batch_size=2000)

    def remove(self, lines: Iterable[str]) -> None:
        for bits, source, _date in _hashes(lines):
            BlockedHash.objects.filter(bits=bit_string(bits), source=source).delete()


def line_of(row: BlockedHash) -> str:
    return f"{row.hexadecimal},{row.source},{row.date.isoformat()}"


def _hash_line(found: Any) -> str:
    bits, source, date = found
    return f"{bits:064x},{source},{date.isoformat()}"


def _hashes(lines: Iterable[str]) -> list[Any]:
    return hashes.read("\n".join(lines))


LISTS: dict[str, Lines] = {
    ListVersion.Name.WORDS: TermLines(BlockedTerm.Kind.WORD),
    ListVersion.Name.PEOPLE: TermLines(BlockedTerm.Kind.PERSON),
    ListVersion.Name.HASHES: HashLines(),
}
