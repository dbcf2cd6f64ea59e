"""Requests for pictures: new, repeated, stopped and retried jobs."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.standing import services as standing
from accounts.vault.vault import store
from billing import ledger, limits
from config import registry
from config.errors import DomainError, NotFailed
from config.runs.idempotency import create_idempotent
from config.runs.models import Status
from config.studio import hosted
from gallery.models import Album, Item
from generation import adult, demonstration, engines, eras, kinds, references
from generation.models import Job
from moderation import policy
from twins.models import Training, Twin
from twins.proof import companies, subjects
from twins.services import NotTrained, TwinDisabled, locked_twin, require_use

SEEDS = 2**31
COPIED = ("prompt", "negative_prompt", "style", "era", "aspect_ratio", "quality", "count", "steps")
COPIED += ("demonstration", "adult", "engine", "album", "reference", "strength", "mask", "region", "times")
OF_CLIPS = ("duration", "motion", "action")
SAME_AT_RETRY = ("user", "kind", "twin", "training", "of_twin", "seed", "longest", "pack", "presets", "shots")


class TwinNotTrained(NotTrained):
    message = _("This twin is not trained yet. Train it first, then make pictures of it.")


class Recipe(TypedDict, total=False):
    """Optional parameters of pictures. The model's defaults fill in the rest; generation.engines chooses an
    engine where none is given."""

    negative_prompt: str
    style: str
    era: str | None
    album: Album | None
    aspect_ratio: str
    quality: str
    count: int
    seed: int | None
    steps: int | None
    engine: str
    demonstration: bool
    reference: UUID | None
    strength: float
    adult: bool


def request_images(
    user: Any,
    *,
    twin: Twin | None,
    prompt: str,
    training: Training | None = None,
    key: str | None = None,
    body_hash: str = "",
    **recipe: Unpack[Recipe],
) -> Job:
    """Enqueues a job for pictures, by `training` or else by the twin's active training. Raises as
    request_job."""
    job = Job(user=user, kind="image", twin=twin, prompt=prompt, **recipe)
    if job.reference:
        references.begin(job, shaped="aspect_ratio" in recipe)
    return request_job(job, training=training, key=key, body_hash=body_hash)


def request_job(
    job: Job,
    *,
    training: Training | None = None,
    key: str | None = None,
    body_hash: str = "",
    compose: Callable[[Job], None] | None = None,
) -> Job:
    """Enqueues a new job of any kind. `compose` completes one whose words are not the user's own, and may
    refuse it; the same request a second time does not call it.

    Raises Suspended, ConsentRequired, PromptRefused, PictureBlocked, NotFound, TwinNotTrained, TwinDisabled,
    TwinReadOnly, EngineUnknown, EngineGone, EngineWithoutReference, ReferenceNotAllowed, EraUnfit,
    PlanRequired, JobLimit, NotEnoughCredits, PaymentDue, EmailUnconfirmed, IdempotencyMismatch, and
    demonstration.REFUSALS.
    """
    standing.require(job.user_id)  # before its words are screened
    job.of_twin = job.twin is not None
    job.seed = secrets.randbelow(SEEDS) if job.seed is None else job.seed
    kinds.get(job.kind)  # raises Unavailable
    return create_idempotent(
        job,
        endpoint=f"repeat:{job.repeats_id}" if job.repeats_id else "generations",
        key=key,
        body_hash=body_hash,
        prepare=partial(_enqueue, training=training),
        # Outside the job's transaction, so that the audit entry of a refusal is kept.
        check=partial(_screen, job, compose or _check_words),
    )


def _screen(job: Job, check: Callable[[Job], None]) -> None:
    check(job)
    if job.reference:
        item = Item.objects.owned_by(job.user).get_or_404(job.reference)
        with contextlib.suppress(FileNotFoundError):  # the worker says that it is gone
            policy.check_reference(job.user_id, store(job.user_id).read(item.thumbnail))


def _check_words(job: Job) -> None:
    adult.check(job)
    policy.check_prompt(job.user, job.prompt, job.negative_prompt, adult=job.adult)


def _enqueue(job: Job, *, training: Training | None) -> None:
    if job.twin is not None:
        subjects.require_consent(job.twin)
        usable = usable_training(locked_twin(job.twin.id))
        require_use(job.twin)
        job.training = training or usable
    demonstration.check(job)
    base = engines.chosen(job)
    adult.check(job, base)
    references.check(job, base)
    eras.check(job, base)
    job.engine = base.name
    if job.twin is not None:
        companies.require(job.twin, base)
    job.longest = limits.longest(ledger.wallet_of(job.user))
    demonstration.take(job)
    job.price = job.job_kind.price(job)
    job.enqueue()


def usable_training(twin: Twin) -> Training:
    """The twin's active training. Raises TwinDisabled, TwinNotTrained."""
    if twin.disabled_at:
        raise TwinDisabled
    if twin.active_training is None or not twin.active_training.sha256:
        raise TwinNotTrained
    return twin.active_training


def repeat(
    job: Job, *, same_seed: bool = True, key: str | None = None, body_hash: str = "", **overrides: Any
) -> Job:
    """Repeats a job with `overrides`, on the same engine if it renders the twin's version. With the same seed
    it also uses the same version of the twin. Raises NotRepeatable."""
    if not kinds.by_prompt(job.kind):
        raise NotRepeatable
    fields = {name: getattr(job, name) for name in COPIED} | {"engine": job.base.name} | overrides
    fields.setdefault("seed", job.seed if same_seed else None)
    twin = fields.pop("twin", job.twin)
    if twin is None and job.of_twin and "twin" not in overrides:
        raise TwinGone
    again = Job(user=job.user, kind=job.kind, twin=twin, repeats=job, **fields)
    training = job.training if same_seed and twin == job.twin else None
    if "engine" not in overrides:
        kept = engines.kept(job.base, training or (twin.active_training if twin else None))
        again.engine = "" if again.demonstration else kept
    return request_job(again, training=training, key=key, body_hash=body_hash)


class NotRepeatable(DomainError):
    code, status = "not_repeatable", 409
    message = _("This cannot be repeated from here. Send the picture again.")


class TwinGone(DomainError):
    code, status = "twin_not_trained", 409
    message = _("The twin of this picture was deleted. Choose another twin.")


def stop_jobs(user: Any) -> None:
    """Stops all open jobs with a twin of the user's own face. Runs when the consent is withdrawn."""
    of_twin = Job.objects.filter(user=user, of_twin=True).exclude(twin__of_other=True)
    transaction.on_commit(lambda: [job.stop() for job in of_twin.open()], robust=True)


def concerned(user: Any) -> Iterator[tuple[Any, int]]:
    """What stop_jobs would stop now, for the question before the withdrawal."""
    of_twin = Job.objects.filter(user=user, of_twin=True).exclude(twin__of_other=True)
    yield _("Requests of pictures that stop"), of_twin.open().count()


def stop_at(service: str, user: Any) -> None:
    """Stops the user's open jobs with a twin at a company: the consent to it was withdrawn."""
    there = Job.objects.filter(user=user, of_twin=True, engine__in=hosted(service))
    transaction.on_commit(lambda: [job.stop() for job in there.open()], robust=True)


def retry_job(job: Job, *, actor: Any) -> Job:
    """Runs a failed job again as a new, free one, on the same engine. A second call returns the same job.

    Raises NotFailed, EngineGone, ConsentRequired.
    """
    if job.status != Status.FAILED:
        raise NotFailed
    if earlier := Job.objects.filter(
        retry_of=job.id
    ).first():  # its idempotency key is forgotten after a week
        return earlier
    same = {name: getattr(job, name) for name in (*COPIED, *OF_CLIPS, *SAME_AT_RETRY)}
    again = Job(retry_of=job.id, retry_cause="staff", **same)

    def prepare(new: Job) -> None:
        engines.still_there(new)
        new.enqueue()
        registry.audit(actor, "retry_job", job, f"as {new.id}")

    return create_idempotent(
        again, endpoint=f"retry:{job.id}", key=str(job.id), body_hash="", prepare=prepare
    )
