"""Makes and finds share links. What a link shows is decided at each look (ShareLink.entries)."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.emails import require_confirmed
from accounts.standing import services as standing
from config.errors import DomainError, NotFound
from gallery.models import UNSAFE, Album, AlbumItem, Item
from gallery.sharing.models import ShareItem, ShareLink, shareable
from gallery.sharing.passwords import hashed
from gallery.shelf.albums import sizes
from moderation.policy import require_reviewed

MOST = 500  # pictures of a selection
EXPIRIES = {"1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30), "never": None}
# Plain addresses: no script of a network is loaded, and none learns of the link before it is clicked.
NETWORKS = {
    "WhatsApp": "https://wa.me/?text={url}",
    "Telegram": "https://t.me/share/url?url={url}",
    "Facebook": "https://www.facebook.com/sharer/sharer.php?u={url}",
    "X": "https://twitter.com/intent/tweet?url={url}",
    "Reddit": "https://www.reddit.com/submit?url={url}",
    "微博": "https://service.weibo.com/share/share.php?url={url}",
}


class ShareTooLarge(DomainError):
    code = "share_too_large"
    message = _("A link shows at most %(most)s chosen pictures. Put more into an album and share that.")


class NotShareable(DomainError):
    code = "not_shareable"
    message = _("Pictures with nudity are never shared or published. Leave them out.")


class ShareOver(NotFound):
    """One answer for a link that never was, was ended, has run out or was hidden."""

    message = _("Nothing is shared at this address, or not any more. Ask for a new link.")


# ---------------------------------------------------------------- making


def share_items(user: Any, idents: Iterable[Any], **options: Any) -> ShareLink:
    """A link to these items of the user, shown newest first. `options`: see _save.

    Raises NotFound if one of them is not there, ShareTooLarge, NotShareable, UnderReview, EmailUnconfirmed.
    """
    wanted = {str(ident) for ident in idents}
    if len(wanted) > MOST:
        raise ShareTooLarge(most=MOST)
    own = Item.objects.owned_by(user).filter(id__in=wanted).order_by("-created_at", "-id")
    items = list(own.only("id", "safety"))
    if not items or len(items) < len(wanted):
        raise NotFound
    if any(item.safety >= UNSAFE for item in items):
        raise NotShareable
    require_reviewed(*(item.id for item in items))
    return _save(user, items=items, **options)


def share_album(user: Any, ident: Any, **options: Any) -> ShareLink:
    """A link to whatever is in the album, also later. Raises NotFound, EmailUnconfirmed."""
    return _save(user, album=Album.objects.owned_by(user).get_or_404(ident), **options)


@transaction.atomic
def _save(
    user: Any,
    *,
    album: Album | None = None,
    items: Sequence[Item] = (),
    expires: str = "7d",
    password: str = "",
    download: bool = False,
) -> ShareLink:
    standing.require(user.pk)
    require_confirmed(user)
    after = EXPIRIES[expires]
    link = ShareLink(
        id=uuid.uuid4(),
        user=user,
        album=album,
        password_hash=hashed(password) if password else "",
        download=download,
        expires_at=after and timezone.now() + after,
    )
    link.token_hash = _hash_of(_token_of(link))
    link.save(force_insert=True)
    ShareItem.objects.bulk_create(ShareItem(share=link, item=item) for item in items)
    return link


def _token_of(link: ShareLink) -> str:
    """43 characters that only this installation can make from the link's random id. So its owner can copy the
    link again, and the database alone opens nothing."""
    digest = salted_hmac("gallery.sharing", link.id.hex, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _hash_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def url_of(link: ShareLink) -> str | None:
    """None if SECRET_KEY was replaced since: the link still opens, but cannot be shown again."""
    token = _token_of(link)
    known = constant_time_compare(_hash_of(token), link.token_hash)
    return f"{settings.ORIGIN}/s/{token}/" if known else None


def networks(url: str) -> list[tuple[str, str]]:
    """(name, address at which the network shares `url`)."""
    return [(name, address.format(url=quote(url, safe=""))) for name, address in NETWORKS.items()]


# ---------------------------------------------------------------- finding


def find(token: str) -> ShareLink:
    """Raises ShareOver."""
    link = ShareLink.objects.open().select_related("album").filter(token_hash=_hash_of(token)).first()
    if link is None:
        raise ShareOver
    return link


def ident_of(token: str) -> str | None:
    """The id of the link with this token, whether it opens or not."""
    found = ShareLink.objects.filter(token_hash=_hash_of(token)).values_list("id", flat=True).first()
    return str(found) if found else None


def row_of(link: ShareLink, number: int) -> Any:
    """The row with the picture of this number. Raises ShareOver when the link does not show it (any more)."""
    row = link.entries()[0].filter(id=number).first()
    if row is None:
        raise ShareOver
    return row


def count_view(link: ShareLink) -> None:
    ShareLink.objects.filter(id=link.id).update(views=F("views") + 1)


def with_covers(user: Any) -> Any:
    """The user's links with `cover`, the id of the first picture that each shows."""
    seen = {"item__in": shareable(user)}
    last = AlbumItem.objects.filter(album=OuterRef("album"), **seen).order_by("-added_at", "-id")
    first = ShareItem.objects.filter(share=OuterRef("pk"), **seen).order_by("id")
    covers = (Subquery(first.values("item")[:1]), Subquery(last.values("item")[:1]))
    return ShareLink.objects.owned_by(user).select_related("album").annotate(cover=Coalesce(*covers))


def counts(user: Any, found: Sequence[ShareLink]) -> dict[Any, int]:
    """The number of pictures that each of these links of the user shows."""
    in_albums = sizes([link.album for link in found if link.album])
    chosen = (
        ShareItem.objects.filter(share__in=found, item__in=shareable(user)).order_by().values_list("share")
    )
    numbers = dict(chosen.annotate(n=Count("id")))
    return {
        link.id: in_albums.get(link.album_id, 0) if link.album_id else numbers.get(link.id, 0)
        for link in found
    }
