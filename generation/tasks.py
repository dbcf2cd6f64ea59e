"""Rendering, in the render worker, which keeps the base loaded."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from accounts import consents
from accounts.models import Kind
from accounts.vault.vault import store
from config.runs.models import Lost, Status, claimed
from config.studio import get_engine
from gallery.models import Item
from gallery.services import save_item
from generation import schedule
from generation.models import Job, Output
from ml import types
from ml.errors import MLError, Stopped

REMEMBERED = timedelta(days=1)  # whoever was served last before that counts as not served yet
_row = schedule.Row()  # what this process works on


@shared_task(name=Job.task)
def render(ident: str) -> None:
    """One ring, one job: the one whose turn it is. The job that was rung for is done at this ring or at another's."""
    for chosen in _turns():
        with claimed(Job, chosen.id) as job:
            if job:
                _row.took(chosen.twin)
                _make(job)
        if job:
            break


def _turns() -> Iterator[schedule.Waiting]:
    """What waits, in the order in which this worker should take it: the next one is asked for where another worker was quicker."""
    waiting = _waiting()
    served = _served({job.user for job in waiting})
    while waiting:
        chosen = schedule.choose(waiting, _row, now=timezone.now().timestamp(), served=served)
        waiting.remove(chosen)
        yield chosen


def _waiting() -> list[schedule.Waiting]:
    rows = (
        Job.objects.filter(status=Status.QUEUED)
        .order_by("created_at")
        .values_list("id", "user_id", "training__base", "training__sha256", "created_at")
    )
    return [
        schedule.Waiting(ident, user, (base or "", sha256 or ""), created_at.timestamp())
        for ident, user, base, sha256, created_at in rows[: schedule.WINDOW]
    ]


def _served(users: Iterable[Any]) -> dict[Any, float]:
    """When a job of each was last taken."""
    lately = Job.objects.filter(
        user__in=users, created_at__gte=timezone.now() - REMEMBERED, started_at__isnull=False
    )
    rows = lately.order_by().values_list("user").annotate(last=Max("started_at"))
    return {user: last.timestamp() for user, last in rows}


def _make(job: Job) -> None:
    refused = 0
    for index in sorted(set(range(job.count)) - set(job.outputs.values_list("index", flat=True))):
        _allowed(job)
        try:
            picture = next(
                iter(
                    _engine(job).render(
                        _spec(job, index), store=store(job.user_id), on_progress=_progress(job, index)
                    )
                )
            )
        except MLError as e:
            if e.code != "result_refused":
                raise
            refused += 1
            continue
        deliver(job, index, picture)
    if refused == job.count:
        raise MLError("result_refused", "")
    job.finish()


def _engine(job: Job) -> Any:
    return get_engine(job.training.base if job.training else settings.STUDIO_PROFILE)


def _allowed(job: Job) -> None:
    """Before each picture and again before it is delivered: the consent, the twin and its version still stand."""
    if not job.of_twin:
        return
    fresh = Job.objects.select_related("twin", "training").get(id=job.id)
    if not consents.has(job.user_id, Kind.BIOMETRIC_TWIN) or (fresh.twin and fresh.twin.disabled_at):
        raise MLError("consent_withdrawn", "")
    if fresh.twin is None or fresh.training is None:  # its owner deleted it
        raise Stopped


def _progress(job: Job, index: int) -> types.Progress:
    return lambda stage, share: job.report("rendering", (index + min(share, 1.0)) / job.count)


def _spec(job: Job, index: int) -> types.RenderSpec:
    training = job.training
    return types.RenderSpec(
        prompt=job.prompt,
        negative_prompt=job.negative_prompt,
        lora=training.lora if training else None,
        sha256=training.sha256 if training else None,
        subject=job.twin.subject_class if job.twin else "person",
        style=job.style,
        aspect=job.aspect_ratio,
        quality=job.quality,
        count=1,
        seed=job.seed + index,
        steps=job.steps,
        longest=job.longest,
    )


def deliver(job: Job, index: int, picture: types.Picture) -> None:
    """Files first, then the item and the output in one transaction that only the run's worker can commit. Raises Lost."""
    _allowed(job)
    ident = uuid.uuid4()
    try:
        facts = save_item(job.user_id, ident, picture.png)
        with transaction.atomic():
            if not job.may_deliver():
                raise Lost
            Item.objects.create(
                id=ident,
                user_id=job.user_id,
                twin=job.twin,
                training=job.training_id,
                job=job.id,
                index=index,
                prompt=job.prompt,
                style=job.style,
                recipe={**job.recipe, "seed": picture.seed, "count": 1},
                engine=picture.engine,
                width=picture.width,
                height=picture.height,
                likeness=picture.likeness,
                safety=picture.safety,
                mark=picture.mark,
                **facts,
            )
            Output.objects.create(job=job, index=index, item=ident)
    except Exception as e:
        store(job.user_id).delete_all(f"{Item(id=ident).folder}/")
        raise (Lost if isinstance(e, IntegrityError) else e) from None
    job.report("rendering", (index + 1) / job.count)
