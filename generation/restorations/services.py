"""Requests for restorations, and what their owner does with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.standing import services as standing
from accounts.vault.vault import store
from billing import ledger, limits
from config.errors import DomainError, FileTooLarge, Invalid
from config.runs.idempotency import create_idempotent
from gallery.models import Album
from gallery.services import check_tags
from generation.models import Job
from generation.restorations.models import Restoration
from ml import media
from ml.errors import PhotoRefused
from moderation.policy import check_upload
from twins.models import Twin
from twins.proof import subjects
from twins.services import TwinDisabled, require_use

MOST_BYTES = 2**20  # of an upload
LEAST_SIDE = 64  # px of its shorter side
THUMBNAIL = 320  # px of the longer side
MILDER = 0.4  # added to the fidelity of a flagged result for its milder one
TAKEN = ("JPEG", "PNG")
PHOTOS = 20  # photos of a twin that are compared with

SENTENCES: dict[str, Any] = {
    "not_an_image": _("This file is not a picture. Choose a JPEG or PNG."),
    "unsupported_format": _("This kind of picture cannot be restored. Save it as JPEG or PNG first."),
    "unreadable": _("This picture is damaged or incomplete. Save or download it again."),
    "too_small": _("This picture is too small. Choose one of at least 64 pixels on its short side."),
    "too_large": _("This picture is too large. Choose one of at most 64 megapixels."),
}


class PictureRefused(DomainError):
    """`code` is that of ml.media."""

    code = "unreadable"

    def __init__(self, code: str):
        self.code = code
        super().__init__(SENTENCES.get(code, SENTENCES["unreadable"]))


class NothingMilder(DomainError):
    code, status = "nothing_milder", 409
    message = _("There is nothing milder to make of this one.")


def cleaned(data: bytes) -> media.CleanPhoto:
    """The upload as an upright JPEG without metadata. Raises FileTooLarge, PictureRefused."""
    if len(data) > MOST_BYTES:
        raise FileTooLarge(megabytes=MOST_BYTES // 2**20)
    try:
        photo = media.clean(data, min_side=LEAST_SIDE)
    except PhotoRefused as refused:
        raise PictureRefused(refused.code) from None
    if photo.format not in TAKEN:
        raise PictureRefused("unsupported_format")
    return photo


def request_restoration(
    user: Any,
    *,
    data: bytes,
    fidelity: float | None = None,
    scale: int = 1,
    background: bool = False,
    twin: Twin | None = None,
    album: Album | None = None,
    key: str | None = None,
) -> Restoration:
    """Takes a picture and enqueues its restoration. `twin`: whose photos choose the fidelity. `album`: which
    gets the result.

    Raises Suspended, FileTooLarge, PictureRefused, PictureBlocked, ConsentRequired, TwinDisabled,
    TwinReadOnly, JobLimit, NotEnoughCredits, PaymentDue, EmailUnconfirmed, StorageFull, IdempotencyMismatch.
    """
    standing.require(user.pk)
    if twin is not None:
        require_photos(twin)
    photo = cleaned(data)
    check_upload(user.id, media.to_array(photo.jpeg))
    asked = {"fidelity": fidelity, "scale": scale, "background": background}
    others = {"twin": twin and str(twin.id)} | ({"album": str(album.id)} if album else {})
    said = json.dumps(asked | others, sort_keys=True).encode()
    row = Restoration(user=user, twin=twin, width=photo.width, height=photo.height, **asked)
    body_hash = hashlib.sha256(data + said).hexdigest()
    return _enqueue(row, photo.jpeg, album=album, key=key, body_hash=body_hash)


def require_photos(twin: Twin) -> None:
    """Whether its photos may be compared with. Raises ConsentRequired, TwinDisabled, TwinReadOnly."""
    subjects.require_consent(twin)
    if twin.disabled_at:
        raise TwinDisabled
    require_use(twin)


def _enqueue(
    row: Restoration, jpeg: bytes, *, album: Album | None, key: str | None, body_hash: str, free: bool = False
) -> Any:
    """The restoration; the earlier one when the key was sent before."""

    def prepare(job: Job) -> None:
        longest = limits.longest(ledger.wallet_of(job.user))
        row.scale = within(row, longest)
        job.price = 0 if free else job.job_kind.price(job)
        files = store(row.user_id)
        try:
            files.write(row.original, jpeg)
            files.write(row.thumbnail, media.thumbnail(jpeg, THUMBNAIL, "WEBP"))
            job.enqueue()
            row.save(force_insert=True)
        except Exception:
            files.delete_all(f"{row.folder}/")
            raise

    row.job = Job(user=row.user, kind="restore", of_twin=False, prompt="", seed=0, album=album)
    job = create_idempotent(row.job, endpoint="restorations", key=key, body_hash=body_hash, prepare=prepare)
    return Restoration.objects.for_clients().get(job=job)


def within(row: Restoration, longest: int | None) -> int:
    """The scale, no larger than the longer side that the plan allows; pictures are never made smaller."""
    scale = row.scale
    while longest and scale > 1 and scale * max(row.width, row.height) > longest:
        scale //= 2
    return scale


def request_milder(row: Restoration) -> Restoration:
    """The same picture again, nearer to the original, at no price: what is offered for a result that may not
    show the same person. A second call returns the first one. Raises NothingMilder, JobLimit."""
    if earlier := Restoration.objects.filter(milder_of=row).for_clients().first():
        return earlier
    if not row.flagged or row.milder_of_id:
        raise NothingMilder
    again = Restoration(
        user=row.user,
        twin=row.twin,
        width=row.width,
        height=row.height,
        scale=row.scale,
        background=row.background,
        fidelity=min(1.0, (row.made_fidelity or 0.0) + MILDER),
        milder_of=row,
    )
    jpeg = store(row.user_id).read(row.original)
    same = {"album": row.job.album, "key": f"milder:{row.id}", "body_hash": str(row.id)}
    made: Restoration = _enqueue(again, jpeg, free=True, **same)
    return made


def references(row: Restoration) -> tuple[tuple[tuple[float, ...], ...], str]:
    """The vectors of the twin's photos and the embedder that made most of them; nothing where there is no
    twin, or where its photos may not be used any more."""
    twin = row.twin
    if twin is None or twin.disabled_at or not subjects.has_consent(twin):
        return (), ""
    photos = twin.photos.accepted().filter(embedding__isnull=False).order_by("-created_at")[:PHOTOS]
    found: dict[str, list[tuple[float, ...]]] = {}
    for photo in photos:
        found.setdefault(photo.embedder, []).append(tuple(float(v) for v in photo.embedding))
    name = max(found, key=lambda each: len(found[each]), default="")
    return tuple(found.get(name, ())), name


def change(row: Restoration, **fields: Any) -> Restoration:
    """Changes tags, notes and rating. Raises Invalid."""
    if "tags" in fields:
        fields["tags"] = check_tags(fields["tags"])
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=list(fields))
    return row


def remove(user: Any, *, ids: Iterable[Any] | None) -> int:
    """Deletes these, or with None all of the user's. Returns how many."""
    own = Restoration.objects.owned_by(user)
    return (own if ids is None else own.filter(id__in=list(ids))).remove()


def told_deleted(n: int) -> str:
    return ngettext("%(n)s restoration was deleted.", "%(n)s restorations were deleted.", n) % {"n": n}


def require_ids_or_all(ids: Any, everything: bool) -> None:
    """Raises Invalid unless exactly one of both is asked for: an empty request never deletes everything."""
    if bool(ids) == everything:
        raise Invalid(errors={"ids": [str(_("Send either ids or all."))]})
