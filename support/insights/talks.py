"""How long people wait for staff's first answer."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, F, Q
from django.db.models.functions import Extract

from support.insights.figures import Period
from support.insights.restorations import Percentile
from support.tickets.models import FIRST_ANSWER, Ticket


@dataclass(frozen=True)
class Talks:
    """The conversations that were begun on these days: how many, by people without an account, answered by
    now, and answered within what is promised. Hours to the first answer: the median, and what 19 of 20 stay
    below; None where none is answered."""

    begun: int
    guests: int
    answered: int
    in_time: int
    hours: float | None
    hours_95: float | None


def talks(period: Period) -> Talks:
    took = F("answered_at") - F("created_at")
    hours = Extract(took, "epoch") / 3600.0
    begun = Ticket.objects.filter(created_at__range=period.moments).order_by()
    return Talks(
        **begun.aggregate(
            begun=Count("id"),
            guests=Count("id", filter=Q(user=None)),
            answered=Count("answered_at"),
            in_time=Count("id", filter=Q(answered_at__lte=F("created_at") + FIRST_ANSWER)),
            hours=Percentile(hours, 0.5),
            hours_95=Percentile(hours, 0.95),
        )
    )
