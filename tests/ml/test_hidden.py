"""The judge of hidden faces, on drawn people; the face's place is given. Its training on a few heads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ml.drawn.covers import COVERS, HARMLESS
from ml.drawn.people import Scene, random_person
from ml.drawn.portraits import draw
from ml.nano.hidden_training import FIRST, covered, examples, five_points, train
from ml.nets.alignment import similarity, warp
from ml.nets.hidden import FIVE, REFUSED, SIDE, UNSURE, HiddenParts, hidden_parts

PEOPLE = range(990_000, 990_012)


@pytest.fixture(scope="module")
def parts() -> HiddenParts:
    return HiddenParts()


@pytest.fixture(scope="module")
def faces() -> list[np.ndarray]:
    """A dozen people in the frame, at the net's size."""
    found = []
    for number in PEOPLE:
        person, scene = random_person(np.random.default_rng(number)), Scene(yaw=float(number % 5 - 2) * 8)
        points = five_points(person, scene, 256)
        found.append(warp(draw(person, scene, 256, 256), similarity(points, FIVE * SIDE), SIDE))
    return found


def judged(parts: HiddenParts, frames: list[np.ndarray]) -> np.ndarray:
    """(N,): each frame's most hidden part."""
    return parts.judge(np.stack(frames)).max(1)


def test_people_as_they_are_hide_nothing(parts: HiddenParts, faces: list[np.ndarray]) -> None:
    assert judged(parts, faces).max() < REFUSED


@pytest.mark.parametrize("name", list(HARMLESS))
def test_glasses_beards_and_fringes_hide_nothing(
    parts: HiddenParts, faces: list[np.ndarray], name: str
) -> None:
    worn = [HARMLESS[name](face, np.random.default_rng(i)).on(face) for i, face in enumerate(faces)]
    assert judged(parts, worn).max() < REFUSED


@pytest.mark.parametrize("name", list(COVERS))
def test_what_is_before_a_face_is_seen(parts: HiddenParts, faces: list[np.ndarray], name: str) -> None:
    covers = [COVERS[name](face, np.random.default_rng(i)) for i, face in enumerate(faces)]
    hidden = [cover.on(f) for cover, f in zip(covers, faces) if covered(cover.opacity).max() > 0.7]
    assert (judged(parts, hidden) > UNSURE).mean() >= 0.8


def test_a_mask_hides_mouth_and_nose_and_sunglasses_the_eyes(
    parts: HiddenParts, faces: list[np.ndarray]
) -> None:
    def most_hidden(name: str) -> Any:
        worn = COVERS[name](faces[0], np.random.default_rng(4)).on(faces[0])
        return parts.judge(worn[None])[0]

    assert most_hidden("sunglasses")[:2].min() > UNSURE > most_hidden("sunglasses")[3]
    assert most_hidden("mask")[3] > UNSURE > most_hidden("mask")[:2].max()


def test_only_what_is_sure_is_refused() -> None:
    nothing = {"left_eye": 0.1, "right_eye": 0.2, "nose": 0.0, "mouth": 0.3}
    assert hidden_parts(nothing) == ((), False)
    assert hidden_parts(nothing | {"right_eye": UNSURE}) == (("eyes_hidden",), False)
    assert hidden_parts(nothing | {"mouth": 1.0, "nose": UNSURE}) == (("mouth_hidden",), True)


@pytest.mark.thorough  # the net that ships is judged above
def test_the_training_learns_from_a_few_heads() -> None:
    torch.set_num_threads(1)
    pictures, shares = examples(range(FIRST, FIRST + 12), seed=1)
    assert (pictures.shape, shares.shape) == ((72, 3, SIDE, SIDE), (72, 4))
    net = train(pictures, shares, epochs=10, seed=1)
    with torch.inference_mode():
        said = net(pictures.float())
    hidden = shares > 0.5
    assert said[hidden].mean() > said[~hidden].mean() + 0.3
