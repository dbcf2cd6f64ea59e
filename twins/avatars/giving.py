"""Gives a training the avatar that its person saw and corrected."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.vault.vault import store
from config.errors import DomainError
from config.runs.sentences import SENTENCES
from config.studio import get_base
from twins.avatars import fitting
from twins.avatars.models import encoded
from twins.models import Photo, Training, Twin


class AvatarImpossible(DomainError):
    """No avatar fits these photos."""

    code, status = "avatar_no_front", 409
    message = SENTENCES["avatar_no_front"]


class AvatarPhotosDiffer(AvatarImpossible):
    code, message = "avatar_photos_differ", SENTENCES["avatar_photos_differ"]


IMPOSSIBLE = {kind.code: kind for kind in (AvatarImpossible, AvatarPhotosDiffer)}


def give(training: Training, twin: Twin, photos: Sequence[Photo]) -> None:
    """Copies the facts of the avatar to the training, with the corrections; where it is not ready the worker
    fits it (fitting.facts_for). Raises AvatarImpossible, where it is known that none fits."""
    if get_base(training.base).photorealistic or not fitting.is_needed(twin, photos):
        return
    avatar = fitting.newest(twin)
    if avatar is None:
        return
    training.corrections = avatar.corrections
    if avatar.is_open or not fitting.is_fresh(avatar, twin, photos):
        return
    if avatar.error_code in IMPOSSIBLE:
        raise IMPOSSIBLE[avatar.error_code]
    if avatar.is_ready:
        store(training.user_id).write(training.avatar_file, encoded(avatar.drawn()))
        training.has_avatar = True
