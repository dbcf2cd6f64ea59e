"""Actions on items and albums."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.vault.vault import store
from config.errors import Invalid
from config.web.text import NameField
from gallery.models import Album, AlbumItem, Item
from ml import media
from ml.measures import perceptual_hash
from moderation.policy import check_picture

THUMBNAIL, BLUR, LOOKED_AT = 512, 10, 64  # px of the long side
SIGN = 1 << 63
TAGS, TAG_LENGTH = 30, 40


def save_item(user_id: Any, ident: Any, data: bytes, *, poster: bytes = b"") -> dict[str, Any]:
    """Writes the picture, or a clip with its `poster`, and the thumbnail to the vault, before the row is
    inserted. A clip has no hash: what begins alike is not the same clip.

    Returns the row's fields that describe these files. Raises PictureBlocked.
    """
    item, files = Item(id=ident), store(user_id)
    small = media.thumbnail(poster or data, THUMBNAIL, "WEBP")
    prints = check_picture(user_id, media.to_array(small), subject=("item", item.id))
    files.write(item.content, data)
    files.write(item.thumbnail, small)
    blur = base64.b64encode(media.thumbnail(small, BLUR, "WEBP")).decode()
    etag = hashlib.sha256(data).hexdigest()
    look = None if poster else look_of(small)
    return {"size": len(data), "etag": etag, "blur": blur, "hash": look, "prints": prints}


def look_of(thumbnail: bytes) -> int:
    """The perceptual hash as the database keeps it: 64 bits with a sign."""
    tiny = media.to_array(media.thumbnail(thumbnail, LOOKED_AT, "PNG"))
    return perceptual_hash(tiny) - SIGN


def change_item(item: Item, **fields: Any) -> Item:
    """Changes favourite, archived, tags, notes or place. Raises Invalid."""
    if "tags" in fields:
        fields["tags"] = check_tags(fields["tags"])
    for name, value in fields.items():
        setattr(item, name, value)
    item.save(update_fields=[*fields, "updated_at"])
    if "archived" in fields:  # with what is below it in its stack
        Item.objects.filter(keeper=item).update(archived=item.archived, updated_at=item.updated_at)
    return item


def check_tags(tags: Iterable[str]) -> list[str]:
    """In small letters, each once, sorted. Raises Invalid."""
    out = sorted({t.strip().lower() for t in tags if t.strip()})
    if len(out) > TAGS or any(len(t) > TAG_LENGTH for t in out):
        raise Invalid(errors={"tags": [str(_("At most 30 tags of at most 40 characters each."))]})
    return out


def save_album(user: Any, *, name: str) -> Album:
    """Creates an album. Raises Invalid when the user has an album of this name."""
    return rename_album(Album(user=user), name=name)


def clean_name(name: str) -> str:
    """The normal form of an album's name. Raises ValidationError."""
    return str(NameField(max_length=80).run_validation(name))


def album_named(user: Any, name: str) -> Album:
    """The user's album of this name, whatever its capitals; a new one if there is none. Raises Invalid."""
    clean = clean_name(name)
    if album := Album.objects.owned_by(user).filter(name__iexact=clean).first():
        return album
    return save_album(user, name=clean)


def rename_album(album: Album, *, name: str) -> Album:
    album.name = name
    try:
        with transaction.atomic():
            album.save()
    except IntegrityError:
        raise Invalid(errors={"name": [str(_("You have an album of this name."))]}) from None
    return album


def put_into_album(user_id: Any, album_id: Any, item_id: Any) -> None:
    """Adds a new item, inside the caller's transaction. Does nothing when the album was deleted meanwhile:
    the lock keeps it from being deleted right now."""
    rows = Album.objects.owned_by(user_id).filter(id=album_id)
    if rows.select_for_update(no_key=True).first():
        AlbumItem.objects.create(album_id=album_id, item_id=item_id)


@transaction.atomic
def change_album(album: Album, *, add: Iterable[Any] = (), remove: Iterable[Any] = ()) -> int:
    """Adds the owner's items in `add`, then removes `remove`. Returns the album's number of items."""
    own = Item.objects.owned_by(album.user).filter(id__in=list(add)).values_list("id", flat=True)
    AlbumItem.objects.bulk_create([AlbumItem(album=album, item_id=i) for i in own], ignore_conflicts=True)
    AlbumItem.objects.filter(album=album, item__in=list(remove)).delete()
    return album.items.owned_by(album.user).count()
