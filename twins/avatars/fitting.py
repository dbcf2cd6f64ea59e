"""When an avatar is needed, and its fit to the photos. Workers and services use it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from accounts.vault.sealing import Tampered
from accounts.vault.vault import Vault, store
from billing.engines import offers
from ml import media
from ml.avatar.avatar import Avatar as Drawn
from ml.avatar.avatar import corrected
from ml.avatar.fit import fit
from ml.avatar.views import View
from twins import checks
from twins.avatars.models import Avatar
from twins.models import Photo, Twin
from twins.proof import subjects


def is_needed(twin: Twin, photos: Sequence[Photo]) -> bool:
    """Whether a training of these photos here would draw an avatar: most of them are real, and a base that
    draws its people is offered to the owner."""
    real = sum(photo.kind == "photograph" for photo in photos)
    if 2 * real <= len(photos):
        return False
    return any(not base.photorealistic for base in offers.trainable(twin.user))


def newest(twin: Twin) -> Avatar | None:
    found: Avatar | None = Avatar.objects.filter(twin=twin).first()
    return found


def is_fresh(avatar: Avatar, twin: Twin, photos: Sequence[Photo]) -> bool:
    """Whether it is, or will be, fitted to these photos. A fit that failed is not tried again by itself."""
    same = set(avatar.photo_ids) == {photo.id for photo in photos} and avatar.subject == twin.subject_class
    return avatar.is_open or same


def refresh(ident: Any) -> Avatar | None:
    """Fits the twin's avatar anew where its photos changed; deletes it where none is needed. Called whenever
    photos come or go. Locks the twin."""
    with transaction.atomic():
        twin = Twin.objects.locked(ident)
        if twin is None or twin.disabled_at or not subjects.has_consent(twin):
            return None
        photos, last = list(twin.photos.accepted()), newest(twin)
        ready = checks.readiness(photos)
        if ready.needed or ready.people or not is_needed(twin, photos):
            forget([twin.id])
            return None
        return last if last and is_fresh(last, twin, photos) else begin(twin, last)


def begin(twin: Twin, last: Avatar | None) -> Avatar:
    """Enqueues a fit in place of the last one. Needs the twin's lock."""
    made = Avatar(user=twin.user, twin=twin, shown=False, corrections=last.corrections if last else {})
    if last:
        last.forget()
    made.enqueue()
    return made


def forget(twins: Sequence[Any]) -> None:
    """Deletes the avatars of these twins. Needs a transaction."""
    for avatar in Avatar.objects.filter(twin__in=twins):
        avatar.forget()


def fitted_to(photos: Sequence[Photo], subject: str) -> Drawn:
    """The avatar of the person on these photos. MLError, see ml.avatar.fit."""
    files = {photo.user_id: store(photo.user_id) for photo in photos}
    views = [view_of(photo, files[photo.user_id]) for photo in photos]
    return fit([view for view in views if view], subject)


def view_of(photo: Photo, files: Vault) -> View | None:
    """The photo with the points that its check found; None when it was deleted meanwhile."""
    try:
        picture = media.to_array(files.read(photo.clean))
    except (FileNotFoundError, Tampered):
        return None
    scale = picture.shape[1] / (photo.width or picture.shape[1])  # points are in pixels of the original
    numbers = iter(float(n) * scale for n in photo.points or ())
    points = tuple(zip(numbers, numbers))
    return View(picture, points) if points else None


def facts_for(training: Any) -> dict[str, Any] | None:
    """What the engine draws, for a training that begins: the avatar that was shown, or, where none was ready,
    one fitted now if there are corrections to make. None: the engine fits it."""
    kept = training.avatar_facts()
    if kept or not training.corrections:
        return kept
    photos = list(training.photos.order_by("created_at", "id"))
    return corrected(fitted_to(photos, training.twin.subject_class), **training.corrections).facts()
