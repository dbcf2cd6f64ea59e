"""Actions on twins, photos and trainings. Pages, API, admin and commands share them."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Max, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.standing import services as standing
from accounts.vault.vault import store
from billing import ledger, limits
from billing.engines import offers
from config import registry
from config.errors import DomainError, FileTooLarge, Invalid, NotFailed, NotFound
from config.runs.idempotency import create_idempotent
from config.runs.models import Run, Status
from config.studio import hosted
from config.web.labels import engine_name
from twins import checks, renewals, terms
from twins.avatars import fitting, giving
from twins.models import LEAST, MOST, Photo, Training, Twin
from twins.proof import forgetting, subjects
from twins.uploads.models import Upload


class TooManyPhotos(DomainError):
    code, status = "too_many_photos", 409
    message = _("A twin holds at most %(most)s photos. Delete some before you add others.")


class NotEnoughPhotos(DomainError):
    code, status = "not_enough_photos", 409
    message = _("A twin needs %(least)s accepted photos and has %(accepted)s.")


class TrainingInProgress(DomainError):
    code, status = "training_in_progress", 409
    message = _("This twin is being trained already. Wait for it, or cancel it.")


class TwinDisabled(DomainError):
    code, status = "twin_disabled", 409
    message = _("This twin is disabled, because the consent to it was withdrawn.")


class NotTrained(DomainError):
    code, status = "twin_not_trained", 409
    message = _("This training has no weights that could be used. Choose one that succeeded.")


# ---------------------------------------------------------------- twins


@transaction.atomic
def create_twin(user: Any, *, name: str, subject_class: str = "person") -> Twin:
    """Creates a twin. Raises TwinLimit."""
    wallet = ledger.locked_wallet(user)  # two requests at once must not both take the last place
    limits.room_for_twin(wallet, Twin.objects.owned_by(user).count())
    return Twin.objects.create(user=user, name=name.strip(), subject_class=subject_class)


def require_use(twin: Twin) -> None:
    """Raises NotFound, or TwinReadOnly when the owner's older twins already fill the plan."""
    found = Twin.objects.with_older().filter(id=twin.id).first()
    if found is None:
        raise NotFound
    limits.twin_in_use(ledger.wallet_of(twin.user), found.older)


def change_twin(twin: Twin, **fields: str) -> Twin:
    """Changes fields of a twin. Raises TwinReadOnly, and NotFound when the twin was deleted meanwhile."""
    require_use(twin)
    if not Twin.objects.filter(id=twin.id).update(**fields, updated_at=timezone.now()):
        raise NotFound
    twin.refresh_from_db()
    if "subject_class" in fields:
        fitting.refresh(twin.id)
    return twin


def delete_twin(twin: Twin) -> None:
    """Deletes a twin with its photos, trainings and weights. Its pictures stay in the gallery.

    Each training is stopped in its own transaction, before the twin is deleted. This avoids a deadlock:
    stopping locks the wallet, a job that finishes locks its row and then the wallet, and deleting a twin
    locks its jobs. A training may begin or a picture arrive in between; then the deletion is tried again.
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
    locked_twin(twin.id)  # waits for open uploads; later ones get NotFound
    if twin.trainings.open().exists():
        raise TrainingInProgress
    for run in (*twin.photos.open(), *twin.selfies.open()):
        run.stop()
    folder, files = twin.folder(), store(twin.user_id)
    forgetting.forget([twin.id])
    quarantine = [p.quarantine for p in twin.photos.only("id")]
    Twin.objects.get(id=twin.id).delete()
    transaction.on_commit(lambda: _remove(files, [f"{folder}/"], quarantine), robust=True)


def disable_twins(user: Any) -> None:
    """Disables the twins and deletes embeddings and weights. Runs when the consent is withdrawn."""
    disable(user, Twin.objects.owned_by(user).filter(of_other=False))


def disable(user: Any, twins: QuerySet[Twin]) -> None:
    """Disables these twins of one user: their consent ended. Needs a transaction."""
    chosen = list(twins.values_list("id", flat=True))
    Twin.objects.filter(id__in=chosen, disabled_at=None).update(
        disabled_at=timezone.now(), active_training=None
    )
    Photo.objects.filter(twin__in=chosen).update(embedding=None, embedder="", points=None)
    trained = Training.objects.filter(twin__in=chosen)
    trained.update(sha256="", samples=0, has_avatar=False, corrections={})
    fitting.forget(chosen)
    folders, files = [f"{t.folder}/" for t in trained], store(user.id)
    forgetting.forget(chosen)
    Upload.objects.filter(twin__in=chosen).remove()
    transaction.on_commit(lambda: stop_all(chosen, Photo, Training, forgetting.Selfie), robust=True)
    transaction.on_commit(lambda: _remove(files, folders, []), robust=True)


def stop_at(service: str, user: Any) -> None:
    """Stops the user's open trainings at a company: the consent to it was withdrawn. Needs a transaction."""
    there = Training.objects.filter(user=user, base__in=hosted(service))
    transaction.on_commit(lambda: [training.stop() for training in there.open()], robust=True)


def stop_all(twins: list[Any], *kinds: type[Run]) -> None:
    """Stops open runs, each in its own transaction. A run it misses ends at the worker's consent check."""
    for kind in kinds:
        for run in kind.objects.filter(twin__in=twins).open():
            run.stop()


def _remove(files: Any, prefixes: list[str], names: list[str]) -> None:
    for prefix in prefixes:
        files.delete_all(prefix)
    for name in names:
        files.delete(name)


# ---------------------------------------------------------------- photos


def add_photo(
    twin: Twin, *, data: bytes, file_name: str = "", key: str | None = None, ident: UUID | None = None
) -> Photo:
    """Puts the bytes into quarantine and enqueues the check. A repeated `key` returns the first photo.
    `ident` is the photo's id, if it has one already.

    Raises Suspended, ConsentRequired, FileTooLarge, TooManyPhotos, TwinDisabled, TwinReadOnly, StorageFull,
    IdempotencyMismatch.
    """
    standing.require(twin.user_id)
    subjects.require_consent(twin)
    if len(data) > settings.MAX_UPLOAD:
        raise FileTooLarge(megabytes=settings.MAX_UPLOAD // 2**20)
    files = store(twin.user_id)

    def prepare(photo: Photo) -> None:
        room_for_one(twin)
        files.write(photo.quarantine, data)
        try:
            photo.enqueue()
        except Exception:
            files.delete(photo.quarantine)
            raise

    photo = Photo(id=ident or uuid4(), user=twin.user, twin=twin, file_name=_plain(file_name))
    body_hash = hashlib.sha256(data).hexdigest()
    return create_idempotent(
        photo, endpoint=f"photos:{twin.id}", key=key, body_hash=body_hash, prepare=prepare
    )


def reuse_photo(twin: Twin, photo: Photo) -> Photo:
    """Adds an accepted photo of the owner to this twin and checks it again. Raises Invalid."""
    if not photo.accepted:
        raise Invalid(errors={"photo": [str(_("Only an accepted photo can be used again."))]})
    return add_photo(twin, data=store(photo.user_id).read(photo.clean), file_name=photo.file_name)


def room_for_one(twin: Twin) -> None:
    """Locks the twin, so that concurrent uploads cannot pass the limit together.

    Raises TwinDisabled, TwinReadOnly, TooManyPhotos.
    """
    locked = locked_twin(twin.id)
    require_enabled(locked)
    require_use(locked)
    if locked.photos.of_twin().count() >= MOST:
        raise TooManyPhotos(most=MOST)


def locked_twin(ident: Any) -> Twin:
    """The twin, locked until the transaction ends. Raises NotFound."""
    twin = Twin.objects.locked(ident)
    if twin is None:
        raise NotFound
    return twin


def _plain(name: str) -> str:
    """The file name without path and control characters, at most 120 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable())[:120]


def delete_photo(photo: Photo) -> None:
    with transaction.atomic():
        photo.stop()
        files, names = store(photo.user_id), [photo.quarantine, photo.clean, photo.thumbnail]
        photo.delete()
        transaction.on_commit(lambda: _remove(files, [], names), robust=True)
    fitting.refresh(photo.twin_id)


# ---------------------------------------------------------------- trainings


def start_training(
    twin: Twin,
    *,
    base: str = "",
    seed: int | None = None,
    steps: int | None = None,
    key: str | None = None,
    body_hash: str = "",
) -> Training:
    """Enqueues a training on the photos that are accepted now, on `base` or else on the user's usual one.

    Raises EngineUnknown, PlanRequired, ConsentRequired, VerificationRequired, NotEnoughPhotos,
    TrainingInProgress, TwinDisabled, TwinReadOnly, JobLimit, NotEnoughCredits, PaymentDue, EmailUnconfirmed,
    AvatarImpossible, IdempotencyMismatch.
    """
    training = Training(
        user=twin.user,
        twin=twin,
        base=base or offers.default(twin.user, trains=True),
        steps=steps,
        threads=settings.STUDIO_THREADS,
        seed=secrets.randbelow(2**31) if seed is None else seed,
    )

    return create_idempotent(
        training,
        endpoint=f"trainings:{twin.id}",
        key=key,
        body_hash=body_hash,
        prepare=prepare_training,
        check=lambda: subjects.require_consent(twin),
    )


def prepare_training(training: Training) -> None:
    """Checks the twin again, sets the price and enqueues, in the transaction that creates the training."""
    twin = locked_twin(training.twin_id)
    require_enabled(twin)
    require_use(twin)
    photos = enough_photos(twin)
    terms.may_train(training, twin)
    if twin.trainings.open().exists():
        raise TrainingInProgress
    training.engine = training.base
    giving.give(training, twin, photos)
    _set_price(training, twin)
    training.number = (twin.trainings.aggregate(n=Max("number"))["n"] or 0) + 1
    try:
        with transaction.atomic():
            training.enqueue()
    except IntegrityError as e:
        if "one_training" in str(e):
            raise TrainingInProgress from e
        raise
    training.photos.set(photos)


def enough_photos(twin: Twin) -> list[Photo]:
    """The twin's accepted photos. Raises NotEnoughPhotos, also for photos of several people."""
    photos = list(twin.photos.accepted())
    ready = checks.readiness(photos)
    facts = {"accepted": len(photos), "needed": ready.needed, "missing": [code for code, _s in ready.missing]}
    if ready.needed or ready.people:
        first = None if len(photos) < LEAST else ready.missing[0][1]
        raise NotEnoughPhotos(first, least=LEAST, accepted=len(photos), extra=facts)
    return photos


def _set_price(training: Training, twin: Twin) -> None:
    """Sets `price` and `free`, and counts a free training in the locked wallet.

    A failed free training gives its slot back. When staff retry it, the new training takes the slot again.
    """
    wallet = ledger.locked_wallet(training.user)
    training.price = 0 if training.retry_of else terms.price_of_training(training.user, twin, training.base)
    training.free = training.free or (
        not training.retry_of and terms.is_free(training.user, twin, training.base)
    )
    training.renews = not (training.free or training.retry_of) and renewals.is_free(twin, training.base)
    training.base_version = renewals.today(training.base)
    if training.free:
        type(wallet).objects.filter(id=wallet.id).update(free_trainings=F("free_trainings") + 1)


def require_enabled(twin: Twin) -> None:
    """Raises TwinDisabled."""
    if twin.disabled_at:
        raise TwinDisabled


def weights_of(training: Training) -> str:
    """The name of the weights' file, for its owner. Raises TwinDisabled, and NotFound before it has any."""
    require_enabled(training.twin)
    if not training.sha256:
        raise NotFound
    return training.lora


def activate(training: Training) -> Twin:
    """Makes this version the active one. Raises NotTrained, TwinDisabled, TwinReadOnly, EngineGone."""
    require_enabled(training.twin)
    require_use(training.twin)
    if training.status != Status.SUCCEEDED or not training.sha256:
        raise NotTrained
    if not any(offers.can_render(base, training.base) for base in offers.configured()):
        raise offers.EngineGone(engine=str(engine_name(training.base)))
    Twin.objects.filter(id=training.twin_id).update(active_training=training)
    return Twin.objects.get(id=training.twin_id)


def delete_training(training: Training) -> None:
    """Deletes one version with its weights."""
    training.stop()
    with transaction.atomic():
        files, folder = store(training.user_id), f"{training.folder}/"
        training.delete()
        transaction.on_commit(lambda: _remove(files, [folder], []), robust=True)


def retry_training(training: Training, *, actor: Any) -> Training:
    """Runs a failed training again as a new, free one. A second call returns the same training.

    Raises NotFailed and what start_training raises: there is no retry without a proof either.
    """
    if training.status != Status.FAILED:
        raise NotFailed
    if earlier := Training.objects.filter(retry_of=training.id).first():  # its key is forgotten after a week
        return earlier
    again = Training(
        user=training.user,
        twin=training.twin,
        base=training.base,
        steps=training.steps,
        threads=training.threads,
        seed=training.seed,
        retry_of=training.id,
        retry_cause="staff",
        free=training.free and not training.twin.had_free_training,
    )

    def prepare(new: Training) -> None:
        prepare_training(new)
        registry.audit(actor, "retry_training", training, f"as {new.id}")

    return create_idempotent(
        again, endpoint=f"retry:{training.id}", key=str(training.id), body_hash="", prepare=prepare
    )
