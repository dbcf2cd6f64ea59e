"""Worker tasks for photos and trainings. A task takes an id and reads everything else from the row."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import transaction

from accounts.vault.sealing import Tampered
from accounts.vault.vault import Vault, store
from billing.engines.working import given
from billing.runs import may_begin
from config.runs.connections import ReleasedStore
from config.runs.stages import overall
from config.runs.turns import Waiting, in_turn, last_served
from config.runs.worker import Lost, claimed
from config.studio import get_base, get_engine, get_judge
from ml import media, types
from ml.avatar.avatar import from_facts
from ml.errors import MLError
from moderation.policy import PictureBlocked, check_upload
from twins import checks, renewals
from twins.avatars import fitting
from twins.avatars.models import encoded
from twins.models import SAMPLES, SIGN, Photo, Training
from twins.proof import companies
from twins.stages import REMOTE_STAGES, STAGES
from twins.working import kept_only_if_wanted, lock_wanted, require_consent

THUMBNAIL = 320  # px of the long side


@shared_task(name=Photo.task)
def check_photo(ident: str) -> None:
    with claimed(Photo, ident) as photo:
        if photo is None:
            return
        require_consent(photo.twin)
        files = store(photo.user_id)
        judge, before = get_judge(), _others(photo)
        said = judge.inspect(files.read(photo.quarantine), [_with_pixels(p, files) for p in before])
        said = _screened(photo, said)
        require_consent(photo.twin)
        if said.accepted:
            _keep(files, photo, said)
        with kept_only_if_wanted(photo, lambda: _discard(files, photo)), transaction.atomic():
            lock_wanted(photo.twin_id)
            now = _others(photo)
            others = [checks.as_inspection(p) if p in before else _with_pixels(p, files) for p in now]
            if said.accepted:  # other photos may have been accepted meanwhile
                said = judge.compare(said, others)
            photo.finish(**_verdict(said) | {"hints": checks.hints_of(said, others)})
        fitting.refresh(photo.twin_id)


def _screened(photo: Photo, said: types.Inspection) -> types.Inspection:
    """Refused, where the picture is on the list of blocked ones."""
    try:
        if said.accepted:
            check_upload(photo.user_id, media.to_array(said.clean))
    except PictureBlocked as blocked:
        return replace(said, accepted=False, code=blocked.code)
    return said


def _others(photo: Photo) -> list[Photo]:
    return list(photo.twin.photos.accepted().exclude(id=photo.id))


def _with_pixels(photo: Photo, files: Vault) -> types.Inspection:
    """An accepted photo whose pixels are read when they are compared."""
    return replace(checks.as_inspection(photo), read=partial(_clean_copy, files, photo.clean))


def _clean_copy(files: Vault, name: str) -> bytes:
    """b"" when the photo was deleted meanwhile."""
    try:
        return files.read(name)
    except (FileNotFoundError, Tampered):
        return b""


def _discard(files: Vault, photo: Photo) -> None:
    for name in (photo.clean, photo.thumbnail):
        files.delete(name)


def _keep(files: Vault, photo: Photo, said: types.Inspection) -> None:
    files.write(photo.clean, said.clean)
    files.write(photo.thumbnail, media.thumbnail(said.clean, THUMBNAIL))


def _verdict(said: types.Inspection) -> dict[str, Any]:
    """The photo's columns from an inspection."""
    return {
        "accepted": said.accepted,
        "code": said.code,
        "width": said.width or None,
        "height": said.height or None,
        "box": list(said.box) if said.box else None,
        "points": [n for point in said.points for n in point] or None,
        "yaw": said.yaw,
        "light": said.light,
        "warmth": said.warmth,
        "sharpness": said.sharpness,
        "embedding": list(said.embedding) if said.accepted else None,
        "embedder": said.embedder,
        "hash": said.hash - SIGN,
        "size": len(said.clean),
    }


@shared_task(name=Training.task)
def train(ident: str) -> None:
    """Runs one training: the one whose turn it is in the queue of training `ident`. Every waiting one has a
    wake-up, so training `ident` runs at this or another one."""
    if training := Training.objects.filter(id=ident).first():
        any(train_one(chosen.id) for chosen in _turns(training.queue))


def train_one(ident: Any) -> bool:
    """Runs this training; False when it does not wait or its user is at their limit."""
    with claimed(Training, ident) as training:
        if training:
            _train(training)
    return training is not None


def _turns(queue: str) -> list[Waiting]:
    """The trainings of a queue that may begin, in the order of their turns."""
    found = [
        Waiting(ident, user, created_at.timestamp())
        for ident, user, created_at in may_begin(Training, queue).values_list("id", "user_id", "created_at")
    ]
    return in_turn(found, last_served([Training], {run.user for run in found}))


def _train(training: Training) -> None:
    """Raises MLError, Stopped, Lost."""
    require_consent(training.twin)
    if not companies.allows(training.twin, get_base(training.base)):
        raise MLError("consent_withdrawn", "")
    files = store(training.user_id)
    with kept_only_if_wanted(training, lambda: files.delete_all(f"{training.folder}/")):
        progress = overall(training.progress, REMOTE_STAGES if training.service else STAGES)
        spec, version = _spec(training, files), renewals.today(training.base)
        kept = WithSamples(training, files)
        report = get_engine(training.base).train(spec, **given(training, kept, progress))
        if not report.recognised and settings.LIKENESS_FLOOR:
            raise MLError("avatar_not_shown" if report.avatar else "likeness_too_low", "")
        if report.avatar:
            files.write(training.avatar_file, encoded(from_facts(report.avatar)))
        with transaction.atomic():
            if not training.may_deliver():
                raise Lost
            lock_wanted(training.twin_id)
            training.finish(**_outcome(report), base_version=version)


class WithSamples:
    """A store of a training: a sample is counted in its row as it comes, so that its owner sees it."""

    def __init__(self, training: Training, files: types.Store) -> None:
        self.read, self.exists, self.delete = files.read, files.exists, files.delete
        self.training, self.files = training, files

    def write(self, name: str, data: bytes) -> None:
        self.files.write(name, data)
        for number in range(SAMPLES):
            if name == self.training.sample(number):
                self.training.show_samples(number + 1)


class KeptPhoto(types.Photo):
    """A photo whose bytes are read at each use: many trainings wait in one process for their services."""

    def __init__(self, photo: Photo, files: types.Store) -> None:
        object.__setattr__(self, "id", str(photo.id))
        object.__setattr__(self, "read", partial(files.read, photo.clean))

    @property
    def clean(self) -> bytes:  # type: ignore[override]
        return self.read()


def _spec(training: Training, files: Vault) -> types.TrainSpec:
    rows = training.photos.order_by("created_at", "id")
    kept = [KeptPhoto(p, ReleasedStore(files)) for p in rows]
    photos = kept if training.service else [types.Photo(p.id, p.clean) for p in kept]
    return types.TrainSpec(
        tuple(photos),
        training.twin.subject_class,
        seed=training.seed,
        steps=training.steps,
        threads=training.threads,
        name=training.folder,
        avatar=fitting.facts_for(training),
    )


def _outcome(report: types.TrainReport) -> dict[str, Any]:
    names = (
        "steps",
        "checkpoint",
        "likeness",
        "likeness_base",
        "likeness_real",
        "loss_first",
        "loss_last",
        "seconds",
        "sha256",
    )
    found = {name: getattr(report, name) for name in names}
    return found | {"samples": len(report.samples), "has_avatar": report.avatar is not None}
