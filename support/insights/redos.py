"""How often twins do not look like their people, and whether the free retraining helped."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, F, Q

from config.runs.states import Status
from support.insights.figures import Period
from twins.redo.models import Mark, Redo


@dataclass(frozen=True)
class Redos:
    """`marks`: pictures marked "not me" on these days, of so many `twins`. `retrained`: free retrainings that
    began on them, how many of these `succeeded`, and how many were marked `again` at any time."""

    marks: int
    twins: int
    retrained: int
    succeeded: int
    again: int


def redos(period: Period) -> Redos:
    marked = Mark.objects.filter(created_at__range=period.moments).aggregate(
        marks=Count("id"), twins=Count("twin", distinct=True)
    )
    free = Redo.objects.filter(created_at__range=period.moments).aggregate(
        retrained=Count("id", distinct=True),
        succeeded=Count("id", filter=Q(retraining__status=Status.SUCCEEDED), distinct=True),
        again=Count("id", filter=Q(twin__marks__training=F("retraining")), distinct=True),
    )
    return Redos(**marked, **free)


@dataclass(frozen=True)
class Advised:
    """How many free retrainings of the period had this advice."""

    code: str
    redos: int


def advice(period: Period) -> list[Advised]:
    """What the photos of marked twins lacked most often, first."""
    codes = Redo.objects.filter(created_at__range=period.moments).values_list("advice", flat=True)
    counts = Counter(code for each in codes for code in each)
    return [Advised(code, n) for code, n in counts.most_common()]
