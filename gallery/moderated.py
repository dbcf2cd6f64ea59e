"""Items as a subject of moderation: out of sight at once, back again, and their near copies."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Protocol
from uuid import UUID

import numpy as np
from django.db import transaction

from accounts.vault.sealing import Tampered
from accounts.vault.vault import store
from config import registry
from config.errors import NotFound
from config.web.addresses import uuid_in
from gallery.faces import indexing
from gallery.models import Item, ItemQuerySet, PictureHash
from gallery.shelf import stacks
from ml import media, pdq
from ml.measures import width_of
from ml.types import Face
from moderation.hashes.checks import bits_in, prints_of

MOST_NEAR = 1000  # copies of one picture that are found at once
# Faces of a picture that are hashed, and the least width of one in the thumbnail, in pixels.
MOST_FACES, LEAST_FACE = 3, 48


class ItemSubject:
    """A picture in somebody's gallery (config.registry.Subject). Nobody else sees it, so nobody can report
    it; a takedown leads here by an address, or by a copy of the picture."""

    private = True
    several = False

    def preview(self, ident: str) -> bytes:
        item = _one(ident)
        try:
            return store(item.user_id).read(item.thumbnail)
        except (FileNotFoundError, Tampered):
            raise NotFound from None

    def owner(self, ident: str) -> UUID | None:
        return _one(ident).user_id

    def ident_in(self, address: str) -> str | None:
        return uuid_in(address, "gallery", "items", "locked")

    @transaction.atomic
    def hide(self, ident: str) -> None:
        """With its publication. The vault keeps the file until the decision cannot be changed any more."""
        for item in _rows(ident).select_for_update(of=("self",)):
            stacks.take_out(item)
            indexing.leave_out([item])
            Item.objects.filter(id=item.id).update(hidden=True)
            if published := registry.subjects.get("publication"):  # its id is the item's
                with suppress(NotFound):
                    published.hide(ident)

    def publish(self, ident: str) -> None:
        """Does nothing: what is published is a copy, a subject of its own."""

    @transaction.atomic
    def restore(self, ident: str) -> None:
        """Into its owner's gallery. It is not published again."""
        for item in _rows(ident).filter(hidden=True).select_for_update(of=("self",)):
            item.hidden = False
            item.save(update_fields=["hidden", "updated_at"])  # tells whoever measures faces

    def remove(self, ident: str) -> None:
        _rows(ident).remove()

    def find_near(self, hash: int) -> list[str]:
        """The items of all users that are nearly this picture, the nearest first."""
        found = PictureHash.objects.near(hash).order_by("apart").values_list("item", flat=True)
        return list(dict.fromkeys(map(str, found[:MOST_NEAR])))

    def prints(self, ident: str) -> list[int]:
        return hashes(_one(ident))

    def faces(self, ident: str) -> list[int]:
        return face_hashes(_one(ident))


def _rows(ident: str) -> ItemQuerySet:
    return Item.objects.filter(id=_one(ident).id) if _is_there(ident) else Item.objects.none()


def _is_there(ident: str) -> bool:
    try:
        return bool(_one(ident))
    except NotFound:
        return False


def _one(ident: str) -> Item:
    item: Item = Item.objects.all().get_or_404(ident)
    return item


# ---------------------------------------------------------------- hashes


def on_saved(instance: Item, created: bool, **_more: Any) -> None:
    """Keeps the hashes of a new item. A receiver of post_save."""
    if created and instance.prints:
        _keep(instance)


def make_missing(limit: int) -> int:
    """Makes the hashes of up to `limit` items that have none yet. Returns how many it went through."""
    rows = Item.objects.filter(prints=None).only("id", "user_id")[:limit]
    return sum(_make(item) for item in rows)


def _make(item: Item) -> bool:
    try:
        small = store(item.user_id).read(item.thumbnail)
        item.prints = prints_of(pdq.forms(media.to_array(small)))
    except (FileNotFoundError, Tampered):
        item.prints = b""  # there is no picture that could be found
    with transaction.atomic():
        if Item.objects.filter(id=item.id, prints=None).update(prints=item.prints):
            _keep(item)
    return True


class Eyes(Protocol):
    """Finds faces: ml's Judge (config/studio.py opens it)."""

    def find(self, picture: np.ndarray) -> list[Face]: ...


def find_missing_faces(eyes: Eyes, limit: int) -> int:
    """Measures and hashes the faces in up to `limit` pictures in which nobody has looked for any. Returns how
    many it went through. Width and hash say how a crop looks, not who it is."""
    rows = Item.objects.filter(face_widths=None).order_by("created_at").only("id", "user_id")[:limit]
    return sum(_find_faces(eyes, item) for item in rows)


def _find_faces(eyes: Eyes, item: Item) -> bool:
    found: list[list[pdq.Form]] = []
    shares: list[float] = []
    with suppress(FileNotFoundError, Tampered):
        small = media.to_array(store(item.user_id).read(item.thumbnail))
        seen = eyes.find(small)
        shares = sorted((round(width_of(face) / small.shape[1], 4) for face in seen), reverse=True)
        faces = [face for face in seen if width_of(face) >= LEAST_FACE]
        found = list(filter(None, (pdq.face_forms(small, face) for face in faces[:MOST_FACES])))
    prints = b"".join(_face_prints(forms) for forms in found)
    with transaction.atomic():
        Item.objects.filter(id=item.id).update(face_widths=shares)
        if Item.objects.filter(id=item.id, face_prints=None).update(face_prints=prints):
            PictureHash.objects.bulk_create(PictureHash.of(forms[0].bits, item=item) for forms in found)
    return True


def _face_prints(forms: list[pdq.Form]) -> bytes:
    both = (bits for form in forms for bits in (form.bits, form.mirrored))
    return b"".join(bits.to_bytes(32, "big") for bits in both)


def face_hashes(item: Item) -> list[int]:
    """What near copies of the item's faces are asked for by."""
    return bits_in(bytes(item.face_prints or b""))


def hashes(item: Item) -> list[int]:
    """Of the whole picture and its middles; [] where they are not made yet."""
    return bits_in(bytes(item.prints or b""))


def _keep(item: Item) -> None:
    PictureHash.objects.bulk_create(PictureHash.of(bits, item=item) for bits in hashes(item))
