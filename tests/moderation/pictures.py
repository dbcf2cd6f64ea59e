"""Drawn pictures in galleries, and copies of them; and a public subject, as shares and publications are."""

from __future__ import annotations

from functools import cache
from typing import Any
from uuid import UUID

import numpy as np

from bench.duplicates import cropped, mirrored, resized, saved
from config.errors import NotFound
from ml import media
from ml.drawn.people import Scene, random_person
from ml.drawn.portraits import draw

COPIES = {
    "jpeg 30": saved(30),
    "half": resized(0.5),
    "crop 5 %": cropped(0.05, 0.05, 0.05, 0.05),
    "crop 10 %": cropped(0.1, 0.1, 0.1, 0.1),
    "mirror": mirrored,
}


@cache
def drawn(seed: int, side: int = 384) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return draw(random_person(rng), Scene(), side, side)


def png(picture: np.ndarray) -> bytes:
    return media.encode_png(np.ascontiguousarray(picture))


def hang(user: Any, picture: np.ndarray, **fields: Any) -> Any:
    """The picture as an item of this user."""
    from gallery.models import Item
    from gallery.services import save_item

    item = Item(user=user, width=picture.shape[1], height=picture.shape[0], **fields)
    for name, value in save_item(user.id, item.id, png(picture)).items():
        setattr(item, name, value)
    item.save()
    return item


class Remarks:
    """Texts that everybody can read, each with an owner (config.registry.Subject)."""

    private = False
    several = False

    def __init__(self) -> None:
        self.texts: dict[str, tuple[UUID, str]] = {}
        self.hidden: set[str] = set()
        self.removed: set[str] = set()

    def preview(self, ident: str) -> bytes:
        return self._one(ident)[1].encode()

    def owner(self, ident: str) -> UUID | None:
        return self._one(ident)[0]

    def ident_in(self, address: str) -> str | None:
        return address.rpartition("/remarks/")[2] or None if "/remarks/" in address else None

    def hide(self, ident: str) -> None:
        self.hidden.add(ident)

    def publish(self, ident: str) -> None: ...

    def restore(self, ident: str) -> None:
        self.hidden.discard(ident)

    def remove(self, ident: str) -> None:
        self.removed.add(ident)

    def find_near(self, hash: int) -> list[str]:
        return []

    def prints(self, ident: str) -> list[int]:
        return []

    def faces(self, ident: str) -> list[int]:
        return []

    def _one(self, ident: str) -> tuple[UUID, str]:
        if ident not in self.texts:
            raise NotFound
        return self.texts[ident]
