"""An upload begins, takes its pieces in order, and becomes a photo that is checked like any other."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.standing import services as standing
from config.errors import DomainError, FileTooLarge, IdempotencyMismatch, NotFound
from twins import services
from twins.models import MOST, Twin
from twins.proof import subjects
from twins.uploads.headers import parse
from twins.uploads.models import Upload

OPEN = 2 * MOST  # open uploads of a user
BYTES = MOST * settings.MAX_UPLOAD  # announced bytes of a user's open uploads


class TooManyUploads(DomainError):
    code, status = "too_many_uploads", 409
    message = _("Too many photos are still being sent. Finish these uploads, or end some of them.")


class UploadExpired(DomainError):
    code, status = "upload_expired", 410
    message = _("This upload was not finished within a day, and was deleted. Send the photo again.")


class WrongOffset(DomainError):
    code, status = "wrong_offset", 409
    message = _(
        "This piece does not begin where the last one ended. Ask how much has arrived, and go on there."
    )


class UploadTooLong(DomainError):
    code, status = "upload_too_long", 413
    message = _(
        "This is more than was announced, and was not kept. Send the photo again, with its true length."
    )


def create_upload(twin: Twin, *, length: int, metadata: str = "", key: str | None = None) -> Upload:
    """Begins an upload. A repeated `key` returns the first one, as far as it has come.

    Raises Suspended, ConsentRequired, FileTooLarge, TooManyPhotos, TwinDisabled, TwinReadOnly,
    TooManyUploads, IdempotencyMismatch.
    """
    standing.require(twin.user_id)
    subjects.require_consent(twin)
    if length > settings.MAX_UPLOAD:
        raise FileTooLarge(megabytes=settings.MAX_UPLOAD // 2**20)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(id=twin.user_id)  # one at a time, for the caps
        if earlier := _earlier(twin, length, key):
            return earlier
        services.room_for_one(twin)
        _require_caps(twin.user, length)
        return Upload.objects.create(user=twin.user, twin=twin, length=length, metadata=metadata, key=key)


def _earlier(twin: Twin, length: int, key: str | None) -> Upload | None:
    mine = Upload.objects.owned_by(twin.user)
    mine.filter(expires_at__lte=timezone.now()).remove()
    found = mine.filter(key=key).first() if key else None
    if found and (found.twin_id, found.length) != (twin.id, length):
        raise IdempotencyMismatch
    return found


def _require_caps(user: Any, length: int) -> None:
    open_ = Upload.objects.owned_by(user).open()
    if open_.count() >= OPEN or (open_.aggregate(n=Sum("length"))["n"] or 0) + length > BYTES:
        raise TooManyUploads


def require_alive(upload: Upload) -> None:
    """Raises UploadExpired."""
    if upload.expires_at <= timezone.now():
        raise UploadExpired


def receive(upload: Upload, *, offset: int, data: bytes) -> Upload:
    """Takes the piece that begins at `offset`. With the last one the upload becomes a photo; where that is
    refused, the last piece is not kept, and may come again.

    Raises what create_upload raises, UploadExpired, WrongOffset, UploadTooLong, StorageFull and NotFound.
    """
    standing.require(upload.user_id)
    subjects.require_consent(upload.twin)
    with transaction.atomic():
        services.locked_twin(upload.twin_id)
        found: Upload = Upload.objects.get_or_404(upload.id)
        require_alive(found)
        if offset != found.offset:
            raise WrongOffset(extra={"offset": found.offset})
        if offset + len(data) > found.length:
            raise UploadTooLong
        if data:
            found.append(data)
        if found.offset == found.length and not found.done_at:
            _become_photo(found)
        _save(found)
    return found


def _become_photo(upload: Upload) -> None:
    name = parse(upload.metadata).get("filename", "")
    services.add_photo(upload.twin, data=upload.read(), file_name=name, ident=upload.id)
    upload.done_at = timezone.now()
    transaction.on_commit(upload.delete_pieces, robust=True)


def _save(upload: Upload) -> None:
    """Raises NotFound where the row was deleted meanwhile."""
    facts = {"offset": upload.offset, "pieces": upload.pieces, "done_at": upload.done_at}
    if not Upload.objects.filter(id=upload.id).update(**facts):
        raise NotFound


def end_upload(upload: Upload) -> None:
    """Deletes it with its pieces. The photo that it became stays."""
    with transaction.atomic():
        services.locked_twin(upload.twin_id)
        Upload.objects.filter(id=upload.id).delete()
        transaction.on_commit(upload.delete_pieces, robust=True)


def forget_expired() -> int:
    """Deletes what was not finished in time. Called by `accounts.retain`."""
    return Upload.objects.filter(expires_at__lte=timezone.now()).remove()
