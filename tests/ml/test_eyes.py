"""The colour of the eyes in drawn photos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.avatar.eyes import drawn_eyes
from ml.avatar.views import View
from ml.drawn.people import EYE_COLOURS, random_person, varied_scenes
from ml.drawn.portraits import draw
from ml.faces import Faces
from ml.local.avatars import person_in
from tests.ml.test_avatar_training import PURPLE


@pytest.mark.parametrize("colour", EYE_COLOURS)
def test_it_is_read_in_several_photos_together(colour: str) -> None:
    rng, faces = np.random.default_rng(7), Faces()
    person = replace(random_person(rng), eyes=colour)
    photos = [draw(person, scene, 384, 384) for scene in varied_scenes(rng, 4)]
    assert drawn_eyes([View(p, face.points) for p in photos for face in faces.find(p)[:1]]) == colour


def test_a_twin_whose_eyes_were_read_has_them_in_all_pictures() -> None:
    drawn = PURPLE.facts()
    known = [
        person_in(facts) for facts in ({"drawn": drawn}, {"drawn": drawn, "eyes": "brown"}, {"avatar": drawn})
    ]
    assert [one and one.eyes for one in known] == [False, True, True]
    assert person_in({}) is None
