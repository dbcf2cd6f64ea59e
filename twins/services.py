"""What can be done with a twin, from the page, the API, the admin and a command alike."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import consents
from accounts.models import Kind
from accounts.vault.vault import store
from billing import ledger, limits, prices
from config.errors import DomainError, FileTooLarge, Invalid, NotFailed, NotFound
from config.runs.idempotency import create_idempotent
from config.runs.models import Run, Status
from ml import catalogue
from twins import checks
from twins.models import LEAST, MOST, Photo, Training, Twin


class TooManyPhotos(DomainError):
    code, status = "too_many_photos", 409
    message = _("A twin holds at most %(most)s photos. Delete some before you add others.")


class NotEnoughPhotos(DomainError):
    code, status = "not_enough_photos", 409
    message = _("A twin needs %(least)s accepted photos and has %(accepted)s.")


class TrainingInProgress(DomainError):
    code, status = "training_in_progress", 409
    message = _("This twin is being trained already. Wait for it, or cancel it.")


class VerificationRequired(DomainError):
    code, status = "verification_required", 403
    message = _("This base can deceive, so it asks for proof first that the photos show you.")


class TwinDisabled(DomainError):
    code, status = "twin_disabled", 409
    message = _("This twin is disabled, because the consent to it was withdrawn.")


class NotTrained(DomainError):
    code, status = "twin_not_trained", 409
    message = _("This training has no weights that could be used. Choose one that succeeded.")


# ---------------------------------------------------------------- twins


@transaction.atomic
def create_twin(user: Any, *, name: str, subject_class: str = "person") -> Twin:
    """Raises TwinLimit."""
    wallet = ledger.locked_wallet(user)  # two at once must not both be the last
    limits.room_for_twin(wallet, Twin.objects.filter(user=user).count())
    return Twin.objects.create(user=user, name=name.strip(), subject_class=subject_class)


def require_use(twin: Twin) -> None:
    """Raises NotFound, and TwinReadOnly when the plan holds fewer twins than there are, and this one came later."""
    found = Twin.objects.with_older().filter(id=twin.id).first()
    if found is None:
        raise NotFound
    limits.twin_in_use(ledger.wallet_of(twin.user), found.older)


def change_twin(twin: Twin, **fields: str) -> Twin:
    """Raises NotFound when it was deleted meanwhile, TwinReadOnly."""
    require_use(twin)
    if not Twin.objects.filter(id=twin.id).update(**fields, updated_at=timezone.now()):
        raise NotFound
    twin.refresh_from_db()
    return twin


def delete_twin(twin: Twin) -> None:
    """With photos, trainings and weights, for good. What runs for it is stopped first. Its pictures stay in the gallery.

    A training's end changes the wallet, so it is stopped in a transaction of its own: a job that finishes locks itself, then
    the wallet, and deleting a twin locks its jobs. Another training may begin, or a picture be delivered, in between: once more.
    """
    for _attempt in range(5):
        for training in twin.trainings.open():
            training.stop()
        with contextlib.suppress(IntegrityError, TrainingInProgress):
            _delete_rows(twin)
            return
    raise TrainingInProgress


@transaction.atomic
def _delete_rows(twin: Twin) -> None:
    locked_twin(twin.id)  # an upload under way is over now, or finds no twin
    if twin.trainings.open().exists():
        raise TrainingInProgress
    for photo in twin.photos.open():
        photo.stop()
    folder, files = twin.folder(), store(twin.user_id)
    quarantine = [p.quarantine for p in twin.photos.only("id")]
    Twin.objects.get(id=twin.id).delete()
    transaction.on_commit(lambda: _remove(files, [f"{folder}/"], quarantine), robust=True)


def disable_twins(user: Any) -> None:
    """The consent ended: nothing is made of these faces any more, and what was measured of them goes, the weights too."""
    Twin.objects.filter(user=user, disabled_at=None).update(disabled_at=timezone.now(), active_training=None)
    Photo.objects.filter(user=user).update(embedding=None, embedder="")
    trained = Training.objects.filter(user=user)
    trained.update(sha256="", samples=0)
    folders, files = [f"{t.folder}/" for t in trained], store(user.id)
    transaction.on_commit(lambda: stop_all(user, Photo, Training), robust=True)
    transaction.on_commit(lambda: _remove(files, folders, []), robust=True)


def stop_all(user: Any, *kinds: type[Run]) -> None:
    """Each in a transaction of its own, after the consent's end is on record: workers read it again before they deliver."""
    for kind in kinds:
        for run in kind.objects.filter(user=user).open():
            run.stop()


def _remove(files: Any, prefixes: list[str], names: list[str]) -> None:
    for prefix in prefixes:
        files.delete_all(prefix)
    for name in names:
        files.delete(name)


# ---------------------------------------------------------------- photos


def add_photo(twin: Twin, *, data: bytes, file_name: str = "", key: str | None = None) -> Photo:
    """Into quarantine and to the check; with the same `key` and bytes once, however often it is sent.

    Raises ConsentRequired, FileTooLarge, TooManyPhotos, TwinDisabled, TwinReadOnly, StorageFull, IdempotencyMismatch.
    """
    consents.require(twin.user, Kind.BIOMETRIC_TWIN)
    if len(data) > settings.MAX_UPLOAD:
        raise FileTooLarge(megabytes=settings.MAX_UPLOAD // 2**20)
    files = store(twin.user_id)

    def prepare(photo: Photo) -> None:
        _room_for_one(twin)
        files.write(photo.quarantine, data)
        try:
            photo.enqueue()
        except Exception:
            files.delete(photo.quarantine)
            raise

    photo = Photo(user=twin.user, twin=twin, file_name=_plain(file_name))
    body_hash = hashlib.sha256(data).hexdigest()
    return create_idempotent(
        photo, endpoint=f"photos:{twin.id}", key=key, body_hash=body_hash, prepare=prepare
    )


def reuse_photo(twin: Twin, photo: Photo) -> Photo:
    """An accepted photo of one's library, checked again beside this twin's others."""
    if not photo.accepted:
        raise Invalid(errors={"photo": [str(_("Only an accepted photo can be used again."))]})
    return add_photo(twin, data=store(photo.user_id).read(photo.clean), file_name=photo.file_name)


def _room_for_one(twin: Twin) -> None:
    """Uploads of one twin pass one by one, so that the 26th is always seen."""
    locked = locked_twin(twin.id)
    if locked.disabled_at:
        raise TwinDisabled
    require_use(locked)
    if locked.photos.of_twin().count() >= MOST:
        raise TooManyPhotos(most=MOST)


def locked_twin(ident: Any) -> Twin:
    """Raises NotFound."""
    twin = Twin.objects.locked(ident)
    if twin is None:
        raise NotFound
    return twin


def _plain(name: str) -> str:
    """A name to show, whatever was sent: no path, no control characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable())[:120]


def delete_photo(photo: Photo) -> None:
    with transaction.atomic():
        photo.stop()
        files, names = store(photo.user_id), [photo.quarantine, photo.clean, photo.thumbnail]
        photo.delete()
        transaction.on_commit(lambda: _remove(files, [], names), robust=True)


# ---------------------------------------------------------------- trainings


def price_of_training(user: Any, twin: Twin | None) -> int:
    """The first training in a twin slot is free. Slots are what the plan allows: deleting a twin makes no new one."""
    wallet = ledger.wallet_of(user)
    taken = twin is not None and (twin.had_free_training or twin.trainings.open().filter(free=True).exists())
    return 0 if limits.free_training_left(wallet) and not taken else prices.training()


def start_training(
    twin: Twin,
    *,
    base: str = "",
    seed: int | None = None,
    steps: int | None = None,
    key: str | None = None,
    body_hash: str = "",
) -> Training:
    """A new version from the photos that are accepted now. Raises ConsentRequired, NotEnoughPhotos, TrainingInProgress,
    TwinDisabled, TwinReadOnly, JobLimit, NotEnoughCredits, PaymentDue, IdempotencyMismatch."""
    training = Training(
        user=twin.user,
        twin=twin,
        base=base or settings.STUDIO_PROFILE,
        steps=steps,
        threads=settings.STUDIO_THREADS,
        seed=secrets.randbelow(2**31) if seed is None else seed,
    )

    def check() -> None:
        consents.require(twin.user, Kind.BIOMETRIC_TWIN)
        if catalogue.BASES[training.base].photorealistic:
            raise VerificationRequired

    return create_idempotent(
        training,
        endpoint=f"trainings:{twin.id}",
        key=key,
        body_hash=body_hash,
        prepare=_prepare_training,
        check=check,
    )


def _prepare_training(training: Training) -> None:
    twin = locked_twin(training.twin_id)
    if twin.disabled_at:
        raise TwinDisabled
    require_use(twin)
    training.engine = training.base
    photos = list(twin.photos.accepted())
    if len(photos) < LEAST:
        lacks = checks.readiness(photos).missing
        raise NotEnoughPhotos(
            least=LEAST,
            accepted=len(photos),
            extra={
                "accepted": len(photos),
                "needed": LEAST - len(photos),
                "missing": [code for code, _s in lacks],
            },
        )
    if twin.trainings.open().exists():
        raise TrainingInProgress
    wallet = ledger.locked_wallet(training.user)
    training.price = 0 if training.retry_of else price_of_training(training.user, twin)
    # A free training that failed gave its place back; run again by staff it takes it again.
    training.free = training.free or (not training.price and not training.retry_of)
    if training.free:
        type(wallet).objects.filter(id=wallet.id).update(free_trainings=F("free_trainings") + 1)
    training.number = (twin.trainings.aggregate(n=Max("number"))["n"] or 0) + 1
    try:
        with transaction.atomic():
            training.enqueue()
    except IntegrityError as e:
        if "one_training" in str(e):
            raise TrainingInProgress from e
        raise
    training.photos.set(photos)


def activate(training: Training) -> Twin:
    """Use this version from now on. Raises NotTrained, TwinReadOnly."""
    require_use(training.twin)
    if training.status != Status.SUCCEEDED or not training.sha256:
        raise NotTrained
    Twin.objects.filter(id=training.twin_id).update(active_training=training)
    return Twin.objects.get(id=training.twin_id)


def delete_training(training: Training) -> None:
    """The weights of one version, for good."""
    training.stop()
    with transaction.atomic():
        files, folder = store(training.user_id), f"{training.folder}/"
        training.delete()
        transaction.on_commit(lambda: _remove(files, [folder], []), robust=True)


def twin_of(user: Any, ident: Any) -> Twin:
    twin = Twin.objects.owned_by(user).with_older().filter(id=ident).first()
    if twin is None:
        raise NotFound
    return twin


def retry_training(training: Training, *, cause: str) -> Training:
    """Staff run a failed training again as a new one that costs nothing. Raises NotFailed and what start_training raises."""
    if training.status != Status.FAILED:
        raise NotFailed
    again = Training(
        user=training.user,
        twin=training.twin,
        base=training.base,
        steps=training.steps,
        threads=training.threads,
        seed=training.seed,
        retry_of=training.id,
        retry_cause=cause,
        free=training.free,
    )
    return create_idempotent(
        again, endpoint=f"retry:{training.id}", key=str(training.id), body_hash="", prepare=_prepare_training
    )
