"""Which twins are trained on drawings of an avatar, and what is told of them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ml import media
from ml.avatar.avatar import Avatar
from ml.avatar.drawings import COUNT, SIDE, portrait
from ml.avatar.skin import PLAIN
from ml.catalogue import BASES
from ml.errors import MLError
from ml.faces import Faces
from ml.local import avatars
from ml.local.training import TwinTraining
from ml.nets.redrawing import KnownPerson
from ml.nets.scales import DRAWN, REAL
from ml.types import Face, Photo, TrainSpec, go_on
from tests.ml.doubles import MemoryStore, mean_colour

PURPLE = Avatar(replace(PLAIN, hair_colour="purple"), "round")


class PortraitFaces(Faces):
    """Detects the face where ml.avatar.drawings.portrait draws it."""

    def __init__(self) -> None:
        super().__init__(embedders=Kinds(), hidden=lambda *_: {})  # type: ignore[arg-type]

    def find(self, picture: np.ndarray) -> list[Face]:
        side, size = picture.shape[0] / 2, 0.62
        five = ((-0.335, 0.0), (0.335, 0.0), (0.0, 0.37), (-0.22, 0.62), (0.22, 0.62))
        points = tuple((side * (1 + size * x), side * (0.84 + size * y)) for x, y in five)
        return [Face((0.5 * side, 0.3 * side, 1.5 * side, 1.6 * side), 1.0, points)]


class Kinds:
    """Takes pictures of the side of an avatar's drawings for drawn, and all others for photographs."""

    def describe(self, picture: np.ndarray, face: Face) -> tuple[str, np.ndarray]:
        return DRAWN if picture.shape[0] == SIDE else REAL, mean_colour(picture, face)

    def vector(self, name: str, picture: np.ndarray, face: Face) -> np.ndarray:
        return mean_colour(picture, face)


def training(base: str, side: int, avatar: dict[str, Any] | None = None) -> TwinTraining:
    same = media.encode_jpeg(portrait(PURPLE, side=side), 92)
    spec = TrainSpec(tuple(Photo(str(i), same) for i in range(4)), "woman", avatar=avatar)
    plan: Any = SimpleNamespace(sizes=BASES[base].sizes.train)
    return TwinTraining(
        None, BASES[base], "cpu", plan, PortraitFaces(), lambda: None, spec, MemoryStore(), go_on
    )


def test_real_photos_on_a_base_that_draws_become_drawings_of_the_avatar() -> None:
    made = training("nano", 512)
    vectors, embedder = made._described()
    assert (len(vectors), embedder) == (COUNT, DRAWN)
    assert made.avatar is not None
    assert made.avatar.person.gender == "woman"
    assert all(photo.caption for photo in made.spec.photos)
    assert avatars.person_in(made._person([])) == KnownPerson(made.avatar.person)


def test_a_corrected_avatar_is_drawn_as_it_was_corrected() -> None:
    drawn = avatars.avatar_of(training("nano", 512, PURPLE.facts()).spec, [], [])
    assert (drawn.person, drawn.glasses) == (PURPLE.person, "round")


@pytest.mark.parametrize("base, side", [("nano", SIDE), ("flux-schnell", 512)])
def test_drawn_photos_and_photorealistic_bases_are_trained_on_the_photos(base: str, side: int) -> None:
    made = training(base, side)
    made._described()
    assert made.avatar is None
    assert [photo.id for photo in made.spec.photos] == ["0", "1", "2", "3"]


def test_an_avatars_figures_are_no_likeness_to_the_person() -> None:
    made = training("nano", 512)
    made.avatar = PURPLE
    told = made._likeness(0.8, 0.1, 0.9)
    assert told == {"likeness": None, "avatar": PURPLE.facts(), "avatar_shown": 0.8}
    assert made._person([]) == {"avatar": PURPLE.facts()}


def test_an_avatar_that_cannot_be_read_stops_the_training() -> None:
    spec = training("nano", 512, {"person": {}}).spec
    with pytest.raises(MLError) as e:
        avatars.avatar_of(spec, [], [])
    assert e.value.code == "avatar_unreadable"
