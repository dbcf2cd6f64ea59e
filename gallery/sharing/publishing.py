"""The way of a picture into the public gallery: submit, approve or refuse, withdraw; and moderation's hiding.

A copy is public only while the row says PUBLISHED. The row is locked while a copy is made, so a withdrawal
at the same time comes after it and deletes it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.emails import require_confirmed
from accounts.standing import services as standing
from accounts.vault.vault import store
from config import registry
from config.errors import DomainError, NotFound
from gallery.models import UNSAFE, Item
from gallery.sharing import copies, notices
from gallery.sharing.authors import author_of
from gallery.sharing.links import NotShareable
from gallery.sharing.models import Author, Publication
from ml.edit import SMALLEST
from moderation.policy import UnderReview, check_words, require_reviewed

SEEN = (Publication.Status.PUBLISHED, Publication.Status.HIDDEN)  # by the public, now or before
REASON = (10, 200)  # characters of a reason: the fewest and the most


class OnlyPictures(DomainError):
    code, message = "only_pictures", _("Clips cannot be published yet. Choose a picture.")


class TooSmallToPublish(DomainError):
    code = "too_small_to_publish"
    message = _("This picture is too small for our mark. Publish one of at least 192 pixels a side.")


class SomebodyElse(DomainError):
    code, status = "somebody_else", 403
    message = _("This picture shows a twin of somebody else, who agreed to no publication. Choose your own.")


class DemonstrationPicture(DomainError):
    code, status = "demonstration_picture", 403
    message = _("This picture shows the demonstration person, not you. Publish one of a twin of your own.")


class AlreadyDecided(DomainError):
    code, status = "already_decided", 409
    message = _("This was decided already. Load the page again.")


class ReasonNeeded(DomainError):
    code = "reason_needed"
    message = _("Write a reason of 10 to 200 characters.")


REFUSALS = (OnlyPictures, TooSmallToPublish, SomebodyElse, DemonstrationPicture, NotShareable, UnderReview)


# ---------------------------------------------------------------- the author


def submit(user: Any, item: Item, *, author: str = "", caption: str = "") -> Publication:
    """Sends the user's item to staff. One that is submitted or published already stays as it is.

    Raises REFUSALS, Suspended, EmailUnconfirmed, WordsRefused, and Invalid for the public name.
    """
    standing.require(user.pk)
    require_confirmed(user)
    _require_publishable(item)
    facts = {"author": author_of(user, author), "caption": _caption(user, caption)}
    row, new = Publication.objects.get_or_create(id=item.id, defaults=facts | {"item": item, "user": user})
    if not new and row.status == Publication.Status.REFUSED:
        again = {"status": Publication.Status.SUBMITTED, "refusal": "", "submitted_at": timezone.now()}
        Publication.objects.filter(id=row.id).update(**facts, **again)
        row.refresh_from_db()
    return row


def _require_publishable(item: Item) -> None:
    if item.is_clip:
        raise OnlyPictures
    shorter, longer = sorted((item.width, item.height))
    if shorter * copies.LONGEST < SMALLEST * max(longer, copies.LONGEST):  # of the copy
        raise TooSmallToPublish
    if item.safety >= UNSAFE:
        raise NotShareable
    require_reviewed(item.id)
    if item.twin and item.twin.of_other:
        raise SomebodyElse
    if item.demonstration:
        raise DemonstrationPicture


def _caption(user: Any, caption: str) -> str:
    if caption := caption.strip():
        check_words(user, caption)
    return caption


def withdraw(user: Any, ident: Any) -> None:
    """Takes the picture out at once, with likes and comments. Raises NotFound."""
    Publication.objects.owned_by(user).get_or_404(ident).delete()


def on_deleted(sender: Any, instance: Publication, **kwargs: Any) -> None:
    """Called after each deleted row: the copy goes with it, once that is committed."""
    transaction.on_commit(partial(copies.delete, instance.pk), robust=True)


def facts_of(item: Item) -> dict[str, Any]:
    """What the item's page tells and asks about publishing it."""
    return {
        "publication": Publication.objects.owned_by(item.user_id).filter(id=item.id).first(),
        "author": Author.objects.owned_by(item.user_id).first(),
    }


# ---------------------------------------------------------------- staff


def look(row: Publication, *, actor: Any, reason: str) -> bytes:
    """The picture, for a reason that is written to the audit log. Raises ReasonNeeded."""
    with transaction.atomic():
        registry.audit(actor, "look_publication", row, _reason(reason))
    return preview(row)


def preview(row: Publication) -> bytes:
    """The item's thumbnail, WebP. Raises NotFound."""
    try:
        return store(row.item.user_id).read(row.item.thumbnail)
    except FileNotFoundError:
        raise NotFound from None


@transaction.atomic
def approve(row: Publication, *, actor: Any) -> Publication:
    """Raises AlreadyDecided, NotFound for one that was withdrawn, StorageFull, Unavailable."""
    row = _waiting(row)
    registry.audit(actor, "approve_publication", row)
    notices.tell_approved(row)
    return _show(row)


@transaction.atomic
def refuse(row: Publication, *, actor: Any, reason: str) -> None:
    """The author is told the reason. Raises ReasonNeeded, AlreadyDecided, NotFound."""
    row, why = _waiting(row), _reason(reason)
    registry.audit(actor, "refuse_publication", row, why)
    Publication.objects.filter(id=row.id).update(status=Publication.Status.REFUSED, refusal=why)
    notices.tell_refused(row, why)


def _reason(reason: str) -> str:
    least, most = REASON
    if not least <= len(reason.strip()) <= most:
        raise ReasonNeeded
    return reason.strip()


def _waiting(row: Publication) -> Publication:
    row = _locked(row.id)
    if row.status != Publication.Status.SUBMITTED:
        raise AlreadyDecided
    return row


def _locked(ident: Any) -> Publication:
    rows = Publication.objects.select_related("item").select_for_update(of=("self",))
    found: Publication = rows.get_or_404(ident)
    return found


def _show(row: Publication) -> Publication:
    """Makes the copy and publishes the row, which is locked."""
    if not Item.objects.owned_by(row.user_id).filter(id=row.id, safety__lt=UNSAFE).exists():
        raise NotFound  # it went out of its owner's sight meanwhile
    row.width, row.height = copies.write(row.item)
    row.status, row.blur, row.refusal = Publication.Status.PUBLISHED, row.item.blur, ""
    row.published_at = row.published_at or timezone.now()
    row.save()
    return row


# ---------------------------------------------------------------- moderation


@transaction.atomic
def hide(ident: Any) -> None:
    """Takes what is public out of sight and deletes the copy; `show_again` makes a new one. Raises NotFound
    for what nobody sees."""
    row = _locked(ident)
    if row.status not in SEEN:
        raise NotFound
    Publication.objects.filter(id=row.id).update(status=Publication.Status.HIDDEN)
    transaction.on_commit(partial(copies.delete, row.id), robust=True)


@transaction.atomic
def show_again(ident: Any) -> None:
    """Raises NotFound where its owner has the picture no more."""
    row = _locked(ident)
    if row.status == Publication.Status.HIDDEN:
        _show(row)
