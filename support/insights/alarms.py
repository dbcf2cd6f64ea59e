"""Alarms operators when too many trainings fail: an e-mail, once a day, and a row of the figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.conf import settings
from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.emails import tell_staff
from config.runs.states import Status
from support.insights.figures import Period
from support.insights.models import Alarm
from twins.models import Training

MOST, LEAST = 0.03, 2  # the share of trainings that may fail, and how many must: one alone may be chance


def watch() -> bool:
    """Looks at the trainings that ended today (UTC). Returns whether operators were told now."""
    today = datetime.now(UTC).date()
    ended = Training.objects.filter(finished_at__range=Period(today, today).moments)
    counts = ended.aggregate(
        failed=Count("id", filter=Q(status=Status.FAILED)),
        ended=Count("id", filter=Q(status__in=(Status.FAILED, Status.SUCCEEDED))),
    )
    if counts["failed"] < LEAST or counts["failed"] <= MOST * counts["ended"]:
        return False
    alarm, new = Alarm.objects.update_or_create(day=today, defaults=counts)
    if new:
        tell_staff(lambda: _words(alarm))
    return new


def _words(alarm: Alarm) -> tuple[str, str]:
    text = _(
        "%(failed)s of %(ended)s trainings that ended today (UTC) failed. More than 3 %% is an alarm.\n\n"
        "Which ones, and why: %(where)s\n"
        "The figures: %(figures)s\n\n"
        "This is the only e-mail about it today."
    )
    trainings = reverse("admin:twins_training_changelist")
    facts = {
        "failed": alarm.failed,
        "ended": alarm.ended,
        "where": f"{settings.ORIGIN}{trainings}?status__exact={Status.FAILED}",
        "figures": f"{settings.ORIGIN}{reverse('figures')}",
    }
    return _("ALARM: %(failed)s of %(ended)s trainings failed today") % facts, text % facts


@dataclass(frozen=True)
class Alarmed:
    day: date
    failed: int
    ended: int
    share: float


def alarms(period: Period) -> list[Alarmed]:
    rows = Alarm.objects.filter(day__range=(period.start, period.end))
    return [Alarmed(row.day, row.failed, row.ended, row.failed / row.ended) for row in rows]
