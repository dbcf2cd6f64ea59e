"""How people rate their pictures, for staff. Words are shown only of those who agreed to their use."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.db.models import Avg, Count

from accounts.models import Consent, Kind
from gallery.ratings.models import Rating
from support.insights.figures import Period

SHOWN = 20  # newest words


@dataclass(frozen=True)
class Rated:
    """The ratings of one engine and style in a period, with the mean stars (1..5, None without any)."""

    engine: str
    style: str
    ratings: int
    likeness: float | None
    prompt: float | None
    quality: float | None


@dataclass(frozen=True)
class Why:
    """How many ratings of the period named this reason."""

    reason: str
    ratings: int


def ratings(period: Period) -> list[Rated]:
    found = (
        Rating.objects.filter(created_at__range=period.moments)
        .order_by("engine", "style")
        .values("engine", "style")
        .annotate(ratings=Count("id"), stars_likeness=Avg("likeness"), stars_prompt=Avg("prompt"))
        .annotate(stars_quality=Avg("quality"))
    )
    stars = ("stars_likeness", "stars_prompt", "stars_quality")
    return [
        Rated(row["engine"], row["style"], row["ratings"], *(row[name] for name in stars)) for row in found
    ]


def reasons(period: Period) -> list[Why]:
    """The most frequent first."""
    each = Rating.objects.filter(created_at__range=period.moments).values_list("reasons", flat=True)
    counts = Counter(reason for some in each.iterator() for reason in some)
    return [Why(reason, n) for reason, n in counts.most_common()]


def words(period: Period) -> list[str]:
    """The newest words of people with the consent to use their ratings."""
    agreed = Consent.objects.filter(kind=Kind.IMPROVEMENT, withdrawn_at=None).values("user")
    said = Rating.objects.filter(created_at__range=period.moments, user__in=agreed).exclude(words="")
    return list(said.values_list("words", flat=True)[:SHOWN])
