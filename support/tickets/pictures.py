"""Pictures that people attach: decoded in a child process, kept as clean copies in the person's vault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.vault.vault import store
from config.errors import DomainError, FileTooLarge
from ml import media
from ml.errors import PhotoRefused
from moderation.policy import check_upload
from support.tickets.models import Attachment, Message, Ticket

MOST, MOST_OF_TICKET = 5, 40  # of a message, and of all messages of a ticket
MOST_BYTES = 10 * 2**20  # of one
LEAST_SIDE = 32  # px
THUMBNAIL = 480  # px of the longer side

SENTENCES: dict[str, Any] = {
    "not_an_image": _("Only pictures can be attached: JPEG, PNG, TIFF, WebP or HEIC. Nothing was sent."),
    "unsupported_format": _(
        "This kind of picture cannot be attached. Save it as JPEG or PNG first. Nothing was sent."
    ),
    "unreadable": _("A picture is damaged or incomplete. Save or download it again. Nothing was sent."),
    "too_small": _(
        "A picture is too small. Attach one of at least 32 pixels on its short side. Nothing was sent."
    ),
    "too_large": _("A picture is too large. Attach one of at most 64 megapixels. Nothing was sent."),
}


class TooManyAttachments(DomainError):
    code = "too_many_attachments"
    message = _(
        "At most %(n)s pictures fit into a message, and %(all)s into a conversation. "
        "Leave some out, and send. Nothing was sent."
    )

    def __init__(self) -> None:
        super().__init__(n=MOST, all=MOST_OF_TICKET)


class AttachmentRefused(DomainError):
    """`code` is that of ml.media."""

    code = "unreadable"

    def __init__(self, code: str):
        self.code = code if code in SENTENCES else "unreadable"
        sentence = SENTENCES[self.code]
        super().__init__(sentence, errors={"attachments": [str(sentence)]})


def clean(user_id: Any, files: Sequence[bytes]) -> list[media.CleanPhoto]:
    """All of them, or none. Raises TooManyAttachments, FileTooLarge, AttachmentRefused, PictureBlocked."""
    if len(files) > MOST:
        raise TooManyAttachments
    return [_clean(user_id, data) for data in files]


def clean_those_that_can_be(ticket: Ticket, files: Sequence[bytes]) -> tuple[list[media.CleanPhoto], int]:
    """Those of an e-mail, which cannot be sent back, and how many were left out."""
    if ticket.user_id is None:
        return [], len(files)  # a guest has no vault
    found, room = [], max(0, MOST_OF_TICKET - ticket.attachments.count())
    for data in files[: min(MOST, room)]:
        try:
            found.append(_clean(ticket.user_id, data))
        except DomainError:
            continue
    return found, len(files) - len(found)


def _clean(user_id: Any, data: bytes) -> media.CleanPhoto:
    if len(data) > MOST_BYTES:
        raise FileTooLarge(megabytes=MOST_BYTES // 2**20)
    try:
        photo = media.clean(data, min_side=LEAST_SIDE)
    except PhotoRefused as refused:
        raise AttachmentRefused(refused.code) from None
    check_upload(user_id, media.to_array(photo.jpeg))
    return photo


def attach(message: Message, photos: Sequence[media.CleanPhoto]) -> None:
    """Keeps them, in the transaction that holds the ticket's lock. Raises TooManyAttachments, StorageFull."""
    if not photos:
        return
    there, files = message.ticket.attachments.count(), store(message.user_id)
    if there + len(photos) > MOST_OF_TICKET:
        raise TooManyAttachments
    kept: list[Attachment] = []
    try:
        for number, photo in enumerate(photos, there):
            row = Attachment(
                user_id=message.user_id,
                ticket=message.ticket,
                message=message,
                number=number,
                width=photo.width,
                height=photo.height,
            )
            kept.append(row)
            files.write(row.content, photo.jpeg)
            files.write(row.thumbnail, media.thumbnail(photo.jpeg, THUMBNAIL, "WEBP"))
            row.save(force_insert=True)
    except Exception:
        for row in kept:
            files.delete(row.content)
            files.delete(row.thumbnail)
        raise
