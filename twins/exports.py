"""This app's part of a user's archive: twins, photos with their verdicts, trainings with their weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.archive import json_member, row
from accounts.vault.vault import store
from config.registry import Member
from config.runs.models import Status
from twins.avatars.models import Avatar
from twins.models import Photo, Training, Twin

AVATAR = gettext_lazy("How the built-in engine draws you: the traits that were read in your photos.")
STAFF = ("retry_cause",)  # older rows name who of the staff ran them again


def twins(user: Any) -> Iterator[Member]:
    for twin in Twin.objects.owned_by(user).iterator():
        folder = f"twins/{str(twin.id)[:8]}"
        yield json_member(f"{folder}/twin.json", row(twin), _("A twin of yours: its name and settings."))
        for photo in twin.photos.iterator(chunk_size=50):
            yield from _photo(photo, f"{folder}/photos/{str(photo.id)[:8]}")
        for avatar in twin.avatars.iterator():
            yield from _avatar(avatar, f"{folder}/avatar")
        for training in twin.trainings.iterator():
            yield from _training(training, f"{folder}/trainings/{training.number}")


def _photo(photo: Photo, name: str) -> Iterator[Member]:
    about = _("What the check of a photo found, and the measurements of the face in it.")
    yield json_member(f"{name}.json", row(photo), about)
    if photo.accepted:
        clean = store(photo.user_id).open_checked(photo.clean)
        yield Member(
            f"{name}.jpg", clean, _("A photo of yours, as it is kept: upright, without hidden data.")
        )
    elif photo.is_open:
        yield Member(f"{name}.jpg", None, _("It was still being checked. Ask for an archive again later."))


def _avatar(avatar: Avatar, name: str) -> Iterator[Member]:
    about = _("The drawn avatar of your photos: when it was fitted, and what you corrected.")
    yield json_member(f"{name}.json", row(avatar), about)
    if avatar.is_ready:
        facts = store(avatar.user_id).open_checked(avatar.file)
        yield Member(f"{name}-traits.json", facts, str(AVATAR))


def _training(training: Training, folder: str) -> Iterator[Member]:
    photos = [str(ident) for ident in training.photos.values_list("id", flat=True)]
    about = _("A training: its parameters, the photos that it used, and how well it resembles them.")
    yield json_member(f"{folder}/training.json", row(training, without=STAFF) | {"photos": photos}, about)
    if training.status != Status.SUCCEEDED or not training.sha256:
        return
    files = store(training.user_id)
    if training.has_avatar:
        yield Member(f"{folder}/avatar.json", files.open_checked(training.avatar_file), str(AVATAR))
    weights = _("The weights that this training made of your photos.")
    yield Member(f"{folder}/lora.safetensors", files.open_checked(training.lora), weights)
    for number in range(training.samples):
        picture = files.open_checked(training.sample(number))
        yield Member(f"{folder}/samples/{number}.png", picture, _("A picture that came with the training."))
