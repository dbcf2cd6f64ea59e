"""PDQ hashes in the database, found by nearness, and the list of those that are blocked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import connection, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import BitField, HammingDistance

from ml import pdq


def bit_string(bits: int) -> str:
    return f"{bits:0256b}"


def placed(words: Any) -> list[int]:
    """Each word of a hash with its place, in one number, as an index finds it."""
    return [place << pdq.BITS | word for place, word in enumerate(words)]


@contextmanager
def by_index() -> Iterator[None]:
    """Look-ups of hashes in this block go by the index. The planner takes each of 272 words for one that is
    in 0.5 % of all rows, and would read the whole table: 10 s in the place of 20 ms among 600,000 hashes."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        yield
        cursor.execute("SET LOCAL enable_seqscan = on")  # for what follows in a transaction around this one


class HashQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def near(self, bits: int, limit: int = pdq.SAME) -> Self:
        """Those that differ from `bits` by at most `limit` bits, none left out where `limit` is at most 31:
        then one of the 16 words differs by at most one bit, and the index has the words. With `apart`.
        See `by_index`."""
        near = [number ^ flip for number in placed(pdq.words(bits)) for flip in pdq.NEAR_WORD]
        distance = HammingDistance("bits", bit_string(bits))
        return self.annotate(apart=distance).filter(apart__lte=limit).filter(words__overlap=near)


class Hashed(models.Model):
    bits = BitField(length=256, editable=False)
    words = ArrayField(models.IntegerField(), editable=False)

    objects = HashQuerySet.as_manager()

    class Meta:
        abstract = True
        # Without `fastupdate`: what an index has not taken in yet is read whole by each look-up.
        indexes = (GinIndex(fields=["words"], name="%(class)s_words", fastupdate=False),)

    @classmethod
    def of(cls, bits: int, **fields: Any) -> Self:
        return cls(bits=bit_string(bits), words=placed(pdq.words(bits)), **fields)

    @property
    def hexadecimal(self) -> str:
        return pdq.hexadecimal(int(str(self.bits), 2))


class BlockedHash(Hashed):
    """A picture that is refused, known by its hash alone: from a list of others, or taken down here."""

    source = models.CharField(_("source"), max_length=80, editable=False)
    date = models.DateField(_("date"), editable=False)  # when the source listed it
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta(Hashed.Meta):
        ordering = ("-created_at", "-id")
        verbose_name_plural = "blocked hashes"
        constraints = (models.UniqueConstraint(fields=["bits", "source"], name="one_hash_a_source"),)
        permissions = (("change_hash_lists", "Can import and export lists of hashes"),)

    def __str__(self) -> str:
        return f"{self.hexadecimal[:12]}… ({self.source})"
