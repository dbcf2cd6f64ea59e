"""Fits avatars in a worker: NumPy only, two seconds of one core."""

from __future__ import annotations

from functools import partial

from celery import shared_task
from django.db import transaction

from accounts.vault.vault import store
from config.runs.worker import claimed
from twins.avatars import fitting
from twins.avatars.models import Avatar
from twins.models import Photo, Twin
from twins.working import kept_only_if_wanted, lock_wanted, require_consent


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
    require_consent(twin)
    photos = list(twin.photos.accepted().order_by("created_at", "id"))
    _remember(avatar, photos, twin)
    avatar.keep(fitting.fitted_to(photos, twin.subject_class))
    discard = partial(store(avatar.user_id).delete, avatar.file)
    with kept_only_if_wanted(avatar, discard), transaction.atomic():
        lock_wanted(twin.id)
        avatar.finish()


def _remember(avatar: Avatar, photos: list[Photo], twin: Twin) -> None:
    """What it is fitted to, also when that fails: the same photos are not tried again."""
    fitted_to = {"photo_ids": [photo.id for photo in photos], "subject": twin.subject_class}
    Avatar.objects.filter(id=avatar.id).update(**fitted_to)
