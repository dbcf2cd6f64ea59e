"""Actions on sessions: name, fill, repeat and delete them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.standing import services as standing
from config.errors import DomainError, IdempotencyMismatch, Invalid
from config.runs.idempotency import KEPT
from gallery.models import Item
from generation import adult
from generation.again import again_of
from generation.clips.services import VIDEO, check_words
from generation.models import Job
from generation.packs import services as packs
from generation.sessions.models import Session
from moderation import policy
from twins.models import Training, Twin

PARTS: dict[str, Any] = {"jobs": Job, "trainings": Training, "items": Item}
NAME = 80  # characters


class NothingToRepeat(DomainError):
    code, status = "nothing_to_repeat", 409
    message = _("This session has no pictures that could be made again. Add some first.")


def create(user: Any, *, name: str) -> Session:
    """Raises Invalid when the user has a session of this name."""
    return rename(Session(user=user), name=name)


def rename(session: Session, *, name: str) -> Session:
    session.name = name
    try:
        with transaction.atomic():
            session.save()
    except IntegrityError:
        raise Invalid(errors={"name": [str(_("You have a session of this name."))]}) from None
    return session


def named(user: Any, name: str) -> Session:
    """The user's session of this name, made where there is none."""
    return Session.objects.get_or_create(user=user, name=name)[0]


@transaction.atomic
def change(session: Session, *, add: dict[str, Iterable[Any]], remove: dict[str, Iterable[Any]]) -> None:
    """Adds the owner's `jobs`, `trainings` and `items`, by id, then removes others. Ids of other people's
    things add nothing."""
    for part, model in PARTS.items():
        own = model.objects.owned_by(session.user_id).filter(id__in=list(add.get(part, ())))
        getattr(session, part).add(*own)
        getattr(session, part).remove(*list(remove.get(part, ())))


# ---------------------------------------------------------------- repeat


def repeat(
    session: Session, *, twin: Twin | None = None, key: str | None = None, body_hash: str = ""
) -> Session:
    """Makes all pictures of a session again, with new seeds and maybe of another twin, in a new session. All
    of its jobs are requested, or none. Trainings and what no prompt asked for are not repeated.

    Raises Suspended, NothingToRepeat, and as services.repeat and packs.again.
    """
    if earlier := _earlier(session, key):
        return _same(earlier, body_hash)
    standing.require(session.user_id)  # before any words are screened
    jobs = list(session.jobs.shown().by_prompt().order_by("created_at"))
    if not jobs:
        raise NothingToRepeat
    for job in jobs:  # outside the transaction, so that the audit entry of a refusal is kept
        if job.kind == VIDEO:
            check_words(job)
        elif job.kind != packs.HEADSHOTS:
            adult.check(job)
            policy.check_prompt(job.user, job.prompt, job.negative_prompt, adult=job.adult)
    try:
        return _repeat(
            session, [partial(again_of(job), job, **_with(job, twin)) for job in jobs], key, body_hash
        )
    except (IntegrityError, DomainError):
        if earlier := _earlier(session, key):  # of two requests at once
            return _same(earlier, body_hash)
        raise


@transaction.atomic
def _repeat(session: Session, requests: list[Callable[[], Job]], key: str | None, body_hash: str) -> Session:
    again = Session.objects.create(
        user=session.user, name=_next_name(session), repeats=session, idempotency_key=key, body_hash=body_hash
    )
    again.jobs.set([request() for request in requests])
    return again


def _with(job: Job, twin: Twin | None) -> dict[str, Any]:
    """Another twin takes the place of a twin; pictures of nobody stay so, and clips of a picture show its
    own."""
    other = twin is not None and job.of_twin and not (job.kind == VIDEO and job.reference)
    return {"same_seed": False} | ({"twin": twin} if other else {})


def _next_name(session: Session) -> str:
    """ "Name", "Name (2)", "Name (3)" …"""
    first = session.name.rpartition(" (")[0] if session.name.endswith(")") else session.name
    taken = set(Session.objects.owned_by(session.user_id).values_list("name", flat=True))
    number = 2
    while (name := f"{(first or session.name)[: NAME - 8]} ({number})") in taken:
        number += 1
    return name


def _earlier(session: Session, key: str | None) -> Session | None:
    """What the same key made before; keys are forgotten as those of runs are."""
    if not key:
        return None
    own = Session.objects.owned_by(session.user_id).filter(idempotency_key=key)
    own.filter(created_at__lt=timezone.now() - KEPT).update(idempotency_key=None)
    return own.first()


def _same(earlier: Session, body_hash: str) -> Session:
    if earlier.body_hash != body_hash:
        raise IdempotencyMismatch
    return earlier


# ---------------------------------------------------------------- delete


def delete(session: Session, *, pictures: bool = False) -> int:
    """Deletes the group; with `pictures` also its pictures, after its open jobs were stopped. Trainings,
    twins and requests stay. Returns how many pictures were deleted."""
    gone = 0
    if pictures:
        for job in session.jobs.open():
            job.stop()
        gone = session.pictures().remove()
    session.delete()
    return gone
