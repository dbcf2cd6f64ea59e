"""Fits avatars in a worker: NumPy only, two seconds of one core."""

from __future__ import annotations

from functools import partial

from celery import shared_task
from django.db import transaction

from accounts.vault.vault import store
from config.runs.worker import Lost, claimed
from ml.errors import MLError
from twins.avatars import fitting
from twins.avatars.models import Avatar
from twins.models import Photo, Twin
from twins.proof import subjects
from twins.tasks import kept_only_if_wanted


@shared_task(name=Avatar.task)
def fit_avatar(ident: str) -> None:
    twin = None
    with claimed(Avatar, ident) as avatar:
        if avatar:
            twin = avatar.twin_id
            _fit(avatar)
    if twin:
        fitting.refresh(twin)  # photos may have come or gone meanwhile


def _fit(avatar: Avatar) -> None:
    """Raises MLError, Lost."""
    twin = avatar.twin
    _require_consent(twin)
    photos = list(twin.photos.accepted().order_by("created_at", "id"))
    _remember(avatar, photos, twin)
    avatar.keep(fitting.fitted_to(photos, twin.subject_class))
    discard = partial(store(avatar.user_id).delete, avatar.file)
    with kept_only_if_wanted(avatar, discard), transaction.atomic():
        _lock(twin)
        avatar.finish()


def _remember(avatar: Avatar, photos: list[Photo], twin: Twin) -> None:
    """What it is fitted to, also when that fails: the same photos are not tried again."""
    fitted_to = {"photo_ids": [photo.id for photo in photos], "subject": twin.subject_class}
    Avatar.objects.filter(id=avatar.id).update(**fitted_to)


def _require_consent(twin: Twin) -> None:
    if not subjects.has_consent(twin):
        raise MLError("consent_withdrawn", "")


def _lock(twin: Twin) -> None:
    """A withdrawal of the consent then waits for the commit. Raises Lost, MLError."""
    locked = Twin.objects.locked(twin.id)
    if locked is None:
        raise Lost
    if locked.disabled_at:
        raise MLError("consent_withdrawn", "")
