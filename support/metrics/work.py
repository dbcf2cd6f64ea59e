"""Metrics of work: runs, queues, waiting and running, failed trainings, likeness, pictures a second."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Avg, CharField, Count, F, Min, Q, Sum, Value
from django.db.models.functions import Extract
from django.utils import timezone
from prometheus_client.metrics_core import Metric

from config.runs.models import Run, kinds
from config.runs.states import OPEN, Status
from gallery.models import Item
from generation.kinds import by_queue
from generation.models import Job
from support.metrics.families import counted, gauge, histogram, nothing
from twins.models import Photo, Training

HOUR, DAY, MINUTES = timedelta(hours=1), timedelta(days=1), timedelta(minutes=5)
WAITS = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600)  # seconds
RUNS = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 14400)
LIKENESS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


def _named(kind: type[Run]) -> tuple[Any, list[str]]:
    """How the rows of a model are named, and all names: a model with a column `kind` has several."""
    if kind is Job:
        return F("kind"), [name for names in by_queue().values() for name in names]
    return Value(kind.kind_name, CharField()), [kind.kind_name]


def runs() -> Iterator[Metric]:
    since = timezone.now() - HOUR
    open_, ended = dict[tuple[str, ...], float](), dict[tuple[str, ...], float]()
    waits, works = dict[str, Any](), dict[str, Any]()
    for kind in kinds():
        name, names = _named(kind)
        open_ |= {(each, str(status)): 0 for each in names for status in OPEN}
        ended |= {(each, str(status)): 0 for each in names for status in ENDED}
        waits |= {each: nothing(WAITS) for each in names}
        works |= {each: nothing(RUNS) for each in names}
        rows = kind.objects.order_by().values(run_kind=name)
        for row in rows.filter(status__in=OPEN).values("run_kind", "status").annotate(n=Count("pk")):
            open_[row["run_kind"], row["status"]] = row["n"]
        lately = rows.filter(finished_at__gte=since)
        for row in lately.values("run_kind", "status").annotate(n=Count("pk")):
            ended[row["run_kind"], row["status"]] = row["n"]
        started = lately.filter(started_at__isnull=False)
        waits |= _histogram(started, F("started_at") - F("created_at"), WAITS)
        works |= _histogram(started, F("finished_at") - F("started_at"), RUNS)
    yield gauge("runs_open", "Runs that wait or work now.", open_.items(), ("kind", "status"))
    yield gauge("runs_ended", "Runs that ended in the last hour.", ended.items(), ("kind", "status"))
    yield histogram("run_wait_seconds", "Waiting of runs that ended in the last hour.", "kind", waits, WAITS)
    yield histogram("run_work_seconds", "Work of runs that ended in the last hour.", "kind", works, RUNS)


def _histogram(rows: Any, span: Any, edges: Any) -> dict[str, dict[str, Any]]:
    found = (
        rows.annotate(seconds=Extract(span, "epoch")).values("run_kind").annotate(**counted("seconds", edges))
    )
    return {row["run_kind"]: row for row in found}


def queues() -> Iterator[Metric]:
    now = timezone.now()
    oldest: dict[tuple[str, ...], float] = {}
    for kind in kinds():
        for queue, which in kind.by_queue().items():
            since = kind.objects.filter(which, status=Status.QUEUED).aggregate(at=Min("created_at"))["at"]
            seconds = (now - since).total_seconds() if since else 0.0
            oldest[queue,] = max(oldest.get((queue,), 0.0), seconds)
    yield gauge("queue_oldest_seconds", "Age of the oldest run that waits.", oldest.items(), ("queue",))


def trainings() -> Iterator[Metric]:
    rows = Training.objects.filter(finished_at__gte=timezone.now() - DAY)
    found = rows.aggregate(
        failed=Count("pk", filter=Q(status=Status.FAILED)),
        ended=Count("pk", filter=Q(status__in=(Status.FAILED, Status.SUCCEEDED))),
    )
    share = found["failed"] / found["ended"] if found["ended"] else 0.0
    yield gauge("trainings_failed", "Trainings that failed in the last day.", found["failed"])
    yield gauge("trainings_failed_share", "Their share of those that failed or succeeded.", share)


def pictures() -> Iterator[Metric]:
    since = timezone.now() - MINUTES
    made = Job.objects.filter(finished_at__gte=since).aggregate(n=Sum("units"))["n"] or 0
    yield gauge(
        "pictures_per_second", "Results delivered, over five minutes.", made / MINUTES.total_seconds()
    )


def likeness() -> Iterator[Metric]:
    rows = (
        Item.objects.filter(created_at__gte=timezone.now() - DAY, likeness__isnull=False)
        .order_by()
        .values("engine")
        .annotate(**counted("likeness", LIKENESS), mean=Avg("likeness"))
    )
    found = {row["engine"]: row for row in rows} or {"none": nothing(LIKENESS)}
    about = "Likeness of pictures of twins that were made in the last day."
    yield histogram("likeness", about, "engine", found, LIKENESS)


def photos() -> Iterator[Metric]:
    rows = Photo.objects.filter(finished_at__gte=timezone.now() - DAY, accepted=False).order_by()
    found = dict(rows.values_list("code").annotate(n=Count("pk"))) or {"none": 0}
    refused = [((code,), n) for code, n in found.items()]
    yield gauge("photos_refused", "Photos that were refused in the last day.", refused, ("code",))
