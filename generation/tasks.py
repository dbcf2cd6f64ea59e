"""The worker task for jobs. A render worker keeps its base loaded and prefers jobs of the twin whose
adapter is loaded."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from celery import shared_task
from django.db import IntegrityError, transaction

from billing.runs import REMOTE, may_begin
from config.runs import clock
from config.runs.stages import Stages, overall
from config.runs.turns import last_served
from config.runs.worker import Lost, claimed
from gallery.models import Item
from gallery.services import put_into_album
from generation import adult, schedule
from generation.kinds import RENDER
from generation.models import Job, Output
from ml import types
from ml.catalogue import Base
from ml.errors import MLError, Stopped
from moderation.policy import PictureBlocked
from twins.models import Twin
from twins.proof import companies, subjects

TURN = 8  # results of one job in a row while others wait: as many as a request of the studio has

_streak = schedule.Streak()  # of this process

# (begin, end) of each stage of a picture at a service, as shares of its whole time.
REMOTE_STAGES = {
    "sending": (0.0, 0.1),
    "waiting there": (0.1, 0.4),
    "rendering": (0.4, 0.9),
    "finishing": (0.9, 1.0),
}


@shared_task(name=RENDER)
def render(ident: str) -> None:
    """Runs one job: the one whose turn it is in the queue of job `ident`. Every waiting job has a wake-up, so
    job `ident` runs at this or another one."""
    job = Job.objects.filter(id=ident).first()
    for chosen in _turns(job.queue) if job else ():
        with claimed(Job, chosen.id) as run:
            if run:
                if not run.service:
                    _streak.took(chosen.twin)
                _make_all(run)
        if run:
            break


def _turns(queue: str) -> Iterator[schedule.Waiting]:
    """The waiting jobs, in the order for this worker. The caller takes the next one when another worker has
    claimed the first."""
    waiting = _waiting(queue)
    served = last_served([Job], {job.user for job in waiting})
    streak = schedule.Streak() if queue == REMOTE else _streak  # a service loads its own adapters
    now = clock.now().timestamp()
    while waiting:
        chosen = schedule.choose(waiting, streak, now=now, served=served)
        waiting.remove(chosen)
        yield chosen


def _waiting(queue: str) -> list[schedule.Waiting]:
    rows = (
        may_begin(Job, queue)
        .order_by("created_at")
        .values_list("id", "user_id", "created_at", "training__base", "training__sha256")
    )
    return [
        schedule.Waiting(ident, user, (base or "", sha256 or ""), created_at.timestamp())
        for ident, user, created_at, base, sha256 in rows[: schedule.WINDOW]
    ]


def _make_all(run: Job) -> None:
    """Makes each result that is still missing. After TURN of them it gives way to others who wait, and goes
    on when its turn comes again. Raises MLError, Stopped, Lost."""
    made = refused = 0
    for index in sorted(set(range(run.count)) - set(run.outputs.values_list("index", flat=True))):
        _check_allowed(run)
        try:
            deliver(run, index, run.job_kind.make(run, index, _progress(run, index)))
        except PictureBlocked:
            refused += 1
            continue
        except MLError as e:
            if e.code != "result_refused":
                raise
            refused += 1
            continue
        made += 1
        if made >= TURN and run.delivered() < run.count and _others_wait(run):
            run.hand_back()
            return
    if refused == run.count:
        raise MLError("result_refused", "")
    run.finish()


def _others_wait(run: Job) -> bool:
    return not run.service and may_begin(Job, run.queue).exclude(user=run.user_id).exists()


def measures_of(result: Any) -> dict[str, float | None]:
    """What contact sheets sort by, of results that tell it."""
    likeness, shown = (getattr(result, name, None) for name in ("likeness", "avatar_shown"))
    return {"alike": shown if likeness is None else likeness, "sharpness": getattr(result, "sharpness", None)}


def _check_allowed(run: Job) -> None:
    """Checks that the consent, the twin and its training still exist, and the picture that it begins from:
    before each result is made and before it is delivered. Raises MLError, Stopped."""
    if run.reference and not Item.objects.owned_by(run.user_id).filter(id=run.reference).exists():
        raise MLError("reference_gone", "")  # deleted, or put into the locked area
    if not adult.still_allowed(run):
        raise MLError("adult_ended", "")
    if not run.of_twin:
        return
    fresh = Job.objects.select_related("twin", "training").get(id=run.id)
    if not fresh.is_wanted:
        raise Stopped
    if fresh.twin and not _may_show(fresh.twin, fresh.base):
        raise MLError("consent_withdrawn", "")


def _may_show(twin: Twin, base: Base) -> bool:
    return not twin.disabled_at and subjects.has_consent(twin) and companies.allows(twin, base)


def _progress(run: Job, index: int) -> types.Progress:
    kind = run.job_kind
    there, here = getattr(kind, "stages_there", REMOTE_STAGES), getattr(kind, "stages", {})
    stages: Stages = there if run.service else here

    def tell(stage: str, share: float) -> bool:
        return run.progress(stage if stages else "rendering", (index + min(share, 1.0)) / run.count)

    return overall(tell, stages) if stages else tell


def deliver(run: Job, index: int, result: Any) -> None:
    """Writes the files, then the rows and the output in one transaction. Only the worker that holds the run
    can commit it. Raises Lost, PictureBlocked."""
    _check_allowed(run)
    kind, ident = run.job_kind, uuid.uuid4()
    try:
        facts = kind.save(run, ident, result)
        with transaction.atomic():
            if not run.may_deliver():
                raise Lost
            kind.record(run, index, ident, result, facts)
            if run.album_id:
                put_into_album(run.user_id, run.album_id, ident)
            recognised = kind.is_recognised(run, result)
            Output.objects.create(
                job=run, index=index, item=ident, recognised=recognised, **measures_of(result)
            )
    except Exception as e:
        kind.discard(run, ident)
        raise (Lost if isinstance(e, IntegrityError) else e) from None
    run.progress("rendering", (index + 1) / run.count)
