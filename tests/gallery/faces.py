"""Pictures with faces that a double of the judge reads from their pixels.

A face is a number: 10 * person + variation. Faces of one person are near each other, of two far apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from accounts import consents
from gallery.models import Item
from gallery.services import save_item
from ml import media
from ml.errors import PhotoRefused
from ml.faces import Described
from ml.nets.scales import REAL
from ml.types import Face
from tests.studio import JudgeDouble

UNCLEAR = 99  # a face that cannot be compared
SIDE = 200  # px


def drawn_with(*faces: int) -> bytes:
    """A PNG with these faces."""
    picture = np.full((SIDE, SIDE, 3), 90, np.uint8)
    picture[0, :, 0] = 0
    picture[0, : len(faces), 0] = [face + 1 for face in faces]
    return media.encode_png(picture)


def faces_in(png: bytes) -> list[int]:
    """Of `drawn_with`; any other picture shows face 10."""
    picture = media.to_array(png)
    return [int(n) - 1 for n in picture[0, :, 0] if n] if picture.shape[0] == SIDE else [10]


def vector_of(face: int, width: int = 128) -> np.ndarray:
    person, variation = divmod(face, 10)
    vector = np.zeros(width, np.float32)
    vector[person], vector[100] = 0.5, 0.01 * variation
    return vector


def place_of(number: int) -> Face:
    """The box of the picture's face `number`."""
    x, y = 20.0 * number, 40.0
    return Face((x, y, x + 16, y + 20), 0.99, tuple((x + i, y + i) for i in range(5)))


@dataclass
class FaceJudge(JudgeDouble):
    """Reads the faces of `drawn_with`; all are photographed. `name`, `width`: of its embedder."""

    name: str = REAL
    width: int = 128
    old: tuple[str, ...] = (REAL,)

    @property
    def embedders(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.name,)

    def embed(self, picture: bytes, faces: Sequence[Face] | None = None) -> list[Any]:
        numbers = faces_in(picture)
        places = faces or [place_of(i) for i in range(len(numbers))]
        return [
            Described(place, self.name, vector_of(n, self.width), float(n != UNCLEAR))
            for place, n in zip(places, numbers)
        ]

    def vector(self, picture: bytes, face: Face, embedder: str) -> Any:
        number = faces_in(picture)[round(face.box[0] / 20)]
        return vector_of(number) if embedder in self.old else None

    def seek(self, data: bytes, older: Sequence[str] = ()) -> dict[str, np.ndarray]:
        try:
            faces = faces_in(data)
        except OSError:
            raise PhotoRefused("not_an_image", "") from None
        if len(faces) != 1 or faces == [UNCLEAR]:
            code = "face_unclear" if faces == [UNCLEAR] else "several_faces" if faces else "no_face"
            raise PhotoRefused(code, "")
        return {self.name: vector_of(faces[0], self.width)}


def add(user: Any, *faces: int, **fields: Any) -> Item:
    """A picture of the user with these faces."""
    item = Item(user=user, width=SIDE, height=SIDE, size=0, etag="", **fields)
    for name, value in save_item(user.id, item.id, drawn_with(*faces)).items():
        setattr(item, name, value)
    item.save()
    return item


def agree(user: Any) -> None:
    consents.give(user, kind="face_search", version=consents.WORDING["face_search"][0])
