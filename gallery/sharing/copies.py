"""The public copies of published pictures: a re-encoded, marked and signed JPEG, and a thumbnail.

They are in the storage "public", outside the vault, under the publication's id. They are read through
public_views.picture alone, which asks the row each time.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from accounts.vault.storage import storage_errors
from accounts.vault.vault import store
from config.errors import NotFound
from config.runs import clock
from gallery.edits import signer
from gallery.models import Item
from gallery.sharing.models import Publication
from ml import media
from ml.finish import sign_copy

LONGEST, THUMBNAIL = 1600, 512  # px of the long side
FILES = {"picture": (".jpg", "image/jpeg"), "thumbnail": (".webp", "image/webp")}
OLD = timedelta(days=1)  # a younger copy may belong to a row that is not committed yet


def write(item: Item) -> tuple[int, int]:
    """Writes the copy of an item. Returns its width and height. Raises NotFound, StorageFull, Unavailable."""
    try:
        data = store(item.user_id).read(item.content)
    except FileNotFoundError:
        raise NotFound from None
    picture = media.within(media.to_array(data), LONGEST)
    jpeg = sign_copy(
        picture,
        engine=item.engine or "nano",
        signer=signer(settings.KEYS),
        mark=secrets.randbits(32) if item.mark is None else item.mark,
        created=item.created_at,
        parent=data if item.original_id or item.kind == Item.Kind.RESTORED else None,
    )
    delete(item.id)  # storages rename where a file is in the way
    for name, content in (("picture", jpeg), ("thumbnail", media.thumbnail(jpeg, THUMBNAIL, "WEBP"))):
        with storage_errors():
            storages["public"].save(_path(item.id, name), ContentFile(content))
    return picture.shape[1], picture.shape[0]


def read(ident: UUID, rendition: str) -> bytes:
    """Raises NotFound, Unavailable."""
    try:
        with storage_errors(), storages["public"].open(_path(ident, rendition)) as file:
            return bytes(file.read())
    except FileNotFoundError:
        raise NotFound from None


def delete(ident: UUID) -> None:
    with storage_errors():
        for name in FILES:
            storages["public"].delete(_path(ident, name))


def sweep() -> int:
    """Deletes copies that no published row has: of a process that was killed, or of a storage that did not
    answer when a picture was withdrawn. Returns the number of files."""
    try:
        with storage_errors():
            return sum(_sweep(name) for name in storages["public"].listdir("")[1])
    except FileNotFoundError:  # nothing was ever published
        return 0


def _sweep(name: str) -> bool:
    with suppress(ValueError, FileNotFoundError):
        ident, written = UUID(name.partition(".")[0]), storages["public"].get_modified_time(name)
        if clock.now() - written > OLD and not Publication.objects.shown().filter(id=ident).exists():
            storages["public"].delete(name)
            return True
    return False


def _path(ident: UUID, rendition: str) -> str:
    return f"{ident.hex}{FILES[rendition][0]}"
