"""What a prompt asks a drawing to show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml.drawn.asked import asked
from ml.drawn.captions import caption
from ml.drawn.people import random_person, random_scene
from ml.drawn.values import CHOICES


def test_it_finds_nothing_in_a_caption_that_is_not_in_the_drawing() -> None:
    rng = np.random.default_rng(5)
    found = dict.fromkeys(CHOICES, 0)
    for _ in range(300):
        person, scene = random_person(rng), random_scene(rng, style=None)
        text = caption(scene, rng, person=person, keep=1.0)
        for field, value in asked(text).items():
            shown = getattr(scene, field, getattr(person, field, None))
            assert value == shown, f"{field} is {shown} in {text!r}"
            found[field] += 1
    for field in ("style", "expression", "clothes", "colour", "light"):
        assert found[field] > 270, field
    assert min(found[field] for field in ("glasses", "hat", "beard", "hair", "eyes", "background")) > 0


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("with blonde hair", {"hair_colour": "blonde"}),
        ("long blond hair", {"hair": "long", "hair_colour": "blonde"}),
        ("as a redhead, hair in the wind", {"hair_colour": "red"}),
        ("hair dyed pink, clean-shaven", {"hair_colour": "pink", "beard": "none"}),
        ("a RED Hoodie", {"clothes": "hoodie", "colour": "red"}),
        ("without glasses, no hat", {"glasses": "none", "hat": "none"}),
        ("not smiling", {}),
        ("smiling and laughing", {}),
        ("film noir of ohwx man, photo", {"style": "noir"}),
        ("blurred background, sunglasses, a hatstand", {}),
        ("with a big smile", {"expression": "smiling"}),
        ("#(][\\ 50% {} \x00 🙂", {}),
        ("", {}),
    ],
    ids=[
        "hair",
        "spelling",
        "name",
        "dyed",
        "letters",
        "denied",
        "not",
        "two",
        "first",
        "words",
        "stem",
        "noise",
        "nothing",
    ],
)
def test_it_reads_what_people_write(prompt: str, wanted: dict[str, Any]) -> None:
    assert asked(prompt) == wanted
