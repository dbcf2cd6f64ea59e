"""PDQ hashes in the database, found by nearness, and the list of those that are blocked."""

from __future__ import annotations

from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import BitField, HammingDistance

from ml import pdq


def bit_string(bits: int) -> str:
    return f"{bits:0256b}"


def placed(words: Any) -> list[int]:
    """Each word of a hash with its place, in one number, as an index finds it."""
    return [place << pdq.BITS | word for place, word in enumerate(words)]


class Hidden(models.Func):
    """Numbers that the planner does not see. It takes each of 272 words for one that is in 0.5 % of all rows,
    so for most of the table, and would read all of it: 6 s in the place of 2 ms among 60,000 hashes."""

    template = "(SELECT %(expressions)s)"

    def __init__(self, numbers: list[int]) -> None:
        field = ArrayField(models.IntegerField())
        super().__init__(models.Value(numbers, output_field=field), output_field=field)


class HashQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def near(self, bits: int, limit: int = pdq.SAME) -> Self:
        """Those that differ from `bits` by at most `limit` bits, none left out where `limit` is at most 31:
        then one of the 16 words differs by at most one bit, and the index has the words. With `apart`.

        The distance comes first: where the table is read whole, it is much quicker than the overlap."""
        near = [number ^ flip for number in placed(pdq.words(bits)) for flip in pdq.NEAR_WORD]
        distance = HammingDistance("bits", bit_string(bits))
        return self.annotate(apart=distance).filter(apart__lte=limit).filter(words__overlap=Hidden(near))


class Hashed(models.Model):
    bits = BitField(length=256, editable=False)
    words = ArrayField(models.IntegerField(), editable=False)

    objects = HashQuerySet.as_manager()

    class Meta:
        abstract = True
        indexes = (GinIndex(fields=["words"], name="%(class)s_words"),)

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
