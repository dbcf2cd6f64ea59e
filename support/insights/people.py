"""Figures of people: who came, how far they got, and who came back after their first picture."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from accounts.models import User
from billing.models import Invoice, Wallet
from billing.runs import paid_kinds
from config.runs.states import Status
from generation.models import Job
from support.insights.figures import Period
from twins.models import Training, Twin

DAY = timedelta(days=1)
# When somebody counts as having come back: from so many days after the first picture, until so many.
WEEK, MONTH = (1, 8), (8, 31)


@dataclass(frozen=True)
class People:
    """Of the accounts that were made on these days: how many have a twin, a trained one, a picture, a payment
    by now. `paid_share` is paid / joined. `active`: who asked for work on these days, of all accounts."""

    active: int
    joined: int
    twin: int
    trained: int
    picture: int
    paid: int
    paid_share: float | None


def people(period: Period) -> People:
    pk = OuterRef("pk")
    wallets = Wallet.objects.filter(user=OuterRef(OuterRef("pk"))).values("id")
    steps = {
        "twin": Exists(Twin.objects.filter(user=pk)),
        "trained": Exists(Training.objects.filter(user=pk, status=Status.SUCCEEDED)),
        "picture": Exists(_made(pk)),
        "paid": Exists(Invoice.objects.filter(paid_at__isnull=False, wallet__in=wallets)),
    }
    joined = User.objects.filter(date_joined__range=period.moments).annotate(
        **{f"has_{name}": has for name, has in steps.items()}
    )
    counts = joined.aggregate(
        joined=Count("pk"), **{name: Count("pk", filter=Q(**{f"has_{name}": True})) for name in steps}
    )
    share = counts["paid"] / counts["joined"] if counts["joined"] else None
    return People(active=_active(period), **counts, paid_share=share)


def _made(user: Any) -> QuerySet[Job]:
    """The user's work that gave a picture or a clip."""
    found: QuerySet[Job] = Job.objects.filter(user=user, status=Status.SUCCEEDED, units__gt=0)
    return found


def _active(period: Period) -> int:
    asked = [
        kind.objects.filter(created_at__range=period.moments).order_by().values("user")
        for kind in paid_kinds()
    ]
    return asked[0].union(*asked[1:]).count()


@dataclass(frozen=True)
class Returns:
    """Of those whose first picture was made on these days (`began`): who asked for another one in the week
    after that day, and in days 8 to 30. `week_due` and `month_due`: for how many that time is over."""

    began: int
    week_due: int
    week: int
    week_share: float | None
    month_due: int
    month: int
    month_share: float | None


def returns(period: Period) -> Returns:
    now, pk = timezone.now(), OuterRef("pk")
    made = Job.objects.filter(finished_at__range=period.moments, status=Status.SUCCEEDED, units__gt=0)
    first = Subquery(_made(pk).order_by("finished_at").values("finished_at")[:1])
    began = User.objects.filter(pk__in=made.values("user")).annotate(first=first)
    began = began.filter(first__range=period.moments).annotate(week=_back(*WEEK), month=_back(*MONTH))
    week_due, month_due = (Q(first__lte=now - until * DAY) for _start, until in (WEEK, MONTH))
    counts = began.aggregate(
        all=Count("pk"),
        week_due=Count("pk", filter=week_due),
        weeks=Count("pk", filter=week_due & Q(week=True)),
        month_due=Count("pk", filter=month_due),
        months=Count("pk", filter=month_due & Q(month=True)),
    )
    return Returns(
        counts["all"],
        counts["week_due"],
        counts["weeks"],
        _share(counts["weeks"], counts["week_due"]),
        counts["month_due"],
        counts["months"],
        _share(counts["months"], counts["month_due"]),
    )


def _back(start: int, until: int) -> Exists:
    since, end = OuterRef("first") + start * DAY, OuterRef("first") + until * DAY
    return Exists(Job.objects.filter(user=OuterRef("pk"), created_at__gte=since, created_at__lt=end))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
