"""Asking for pictures."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import consents
from accounts.models import Kind
from billing import ledger, limits, prices
from config import registry
from config.errors import DomainError, NotFailed
from config.runs.idempotency import create_idempotent
from config.runs.models import Status
from generation.models import Job
from moderation import policy
from twins.models import Training, Twin
from twins.services import NotTrained, TwinDisabled, locked_twin, require_use

SEEDS = 2**31
COPIED = ("prompt", "negative_prompt", "style", "aspect_ratio", "quality", "count", "steps")


class TwinNotTrained(NotTrained):
    message = _("This twin is not trained yet. Train it first, then make pictures of it.")


def request_images(
    user: Any,
    *,
    twin: Twin | None,
    prompt: str,
    negative_prompt: str = "",
    style: str = "photorealistic",
    aspect_ratio: str = "1:1",
    quality: str = "standard",
    count: int = 1,
    seed: int | None = None,
    steps: int | None = None,
    training: Training | None = None,
    repeats: Job | None = None,
    key: str | None = None,
    body_hash: str = "",
) -> Job:
    """A job in the queue. Raises ConsentRequired, PromptRefused, NotFound, TwinNotTrained, TwinDisabled,
    TwinReadOnly, JobLimit, NotEnoughCredits, PaymentDue, IdempotencyMismatch."""
    job = Job(
        user=user,
        twin=twin,
        of_twin=twin is not None,
        prompt=prompt,
        negative_prompt=negative_prompt,
        style=style,
        aspect_ratio=aspect_ratio,
        quality=quality,
        count=count,
        seed=secrets.randbelow(SEEDS) if seed is None else seed,
        steps=steps,
        repeats=repeats,
    )
    job.price = prices.pictures(quality, count)

    def check() -> None:
        policy.check_prompt(
            user, prompt, negative_prompt
        )  # outside the job's transaction: that it was refused is kept

    def prepare(new: Job) -> None:
        if twin is not None:
            consents.require(user, Kind.BIOMETRIC_TWIN)
            usable = usable_training(locked_twin(twin.id))
            require_use(twin)
            new.training = training or usable
        new.engine = new.training.base if new.training else settings.STUDIO_PROFILE
        new.longest = limits.longest(ledger.wallet_of(user))
        new.enqueue()

    return create_idempotent(
        job,
        endpoint=f"repeat:{repeats.id}" if repeats else "generations",
        key=key,
        body_hash=body_hash,
        prepare=prepare,
        check=check,
    )


def usable_training(twin: Twin) -> Training:
    """The version that is in use. Raises TwinDisabled, TwinNotTrained."""
    if twin.disabled_at:
        raise TwinDisabled
    if twin.active_training is None or not twin.active_training.sha256:
        raise TwinNotTrained
    return twin.active_training


def repeat(
    job: Job, *, same_seed: bool = True, key: str | None = None, body_hash: str = "", **overrides: Any
) -> Job:
    """The same again, with what is changed in `overrides`. With the same seed it is the same version of the twin, too."""
    fields = {name: getattr(job, name) for name in COPIED} | overrides
    fields.setdefault("seed", job.seed if same_seed else None)
    twin = fields.pop("twin", job.twin)
    if twin is None and job.of_twin and "twin" not in overrides:
        raise TwinGone
    return request_images(
        job.user,
        twin=twin,
        training=job.training if same_seed and twin == job.twin else None,
        repeats=job,
        key=key,
        body_hash=body_hash,
        **fields,
    )


class TwinGone(DomainError):
    code, status = "twin_not_trained", 409
    message = _("The twin of this picture was deleted. Choose another twin.")


def stop_jobs(user: Any) -> None:
    """The consent to the twins ended: nothing more is made of them."""
    transaction.on_commit(
        lambda: [job.stop() for job in Job.objects.filter(user=user, of_twin=True).open()], robust=True
    )


def retry_job(job: Job, *, actor: Any) -> Job:
    """Runs a failed job again as a new one that costs nothing; once, however often staff ask. Raises NotFailed."""
    if job.status != Status.FAILED:
        raise NotFailed
    again = Job(
        user=job.user,
        twin=job.twin,
        training=job.training,
        of_twin=job.of_twin,
        kind=job.kind,
        seed=job.seed,
        retry_of=job.id,
        retry_cause=f"staff {actor.pk}",
        engine=job.engine,
        longest=job.longest,
    )
    for name in COPIED:
        setattr(again, name, getattr(job, name))

    def prepare(new: Job) -> None:
        new.enqueue()
        registry.audit(actor, "retry_job", job, f"as {new.id}")

    return create_idempotent(
        again, endpoint=f"retry:{job.id}", key=str(job.id), body_hash="", prepare=prepare
    )
