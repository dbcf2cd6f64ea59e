"""Avatars: drawn people with known traits are found again; what cannot be found is said; bad input is
refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ml.avatar.avatar import CUTS, Avatar, corrected, from_facts
from ml.avatar.combine import measured
from ml.avatar.drawings import photos_of
from ml.avatar.fit import fit
from ml.avatar.skin import PLAIN, skin_drawn
from ml.avatar.traits import COVERED, UNSURE, found_in
from ml.avatar.views import View
from ml.drawn.people import Person, Scene
from ml.drawn.portraits import draw
from ml.errors import MLError

POSES = (("soft", 0.0, "neutral"), ("soft", 8.0, "smiling"), ("soft", -8.0, "neutral"))
PEOPLE = (
    ({"hair_colour": "blonde", "skin": 0.1, "hair": "long"}, "square"),
    ({"hair_colour": "black", "skin": 0.3, "hair": "short", "gender": "man", "beard": "beard"}, "none"),
    ({"hair_colour": "red", "skin": 0.25, "hair": "curly"}, "none"),
    ({"hair_colour": "black", "skin": 0.7, "hair": "short", "gender": "man"}, "none"),
    ({"hair_colour": "purple", "skin": 0.4, "hair": "bob"}, "round"),
)


def view(person: Person, scene: Scene, *, drawn: bool = True) -> View:
    """A drawing of 384 px with the points that MTCNN would find, from the program's own places."""
    yaw = np.radians(scene.yaw)
    five = ((-person.eye_gap, 0.0), (person.eye_gap, 0.0), (0.0, 0.37), (-0.22, 0.62), (0.22, 0.62))
    deep = (0.78, 0.78, 1.0, 0.78, 0.78)
    turned = [(x * np.cos(yaw) + z * np.sin(yaw), y) for (x, y), z in zip(five, deep)]
    at = tuple((192 + 192 * scene.size * x, 192 + 192 * (scene.size * y - 0.06)) for x, y in turned)
    return View(draw(person, scene, 384, 384), at, drawn)


def views(person: Person, glasses: str = "none", *, drawn: bool = True, **scene: Any) -> list[View]:
    return [
        view(
            person, Scene(light=light, yaw=yaw, expression=e, glasses=glasses, size=0.5, **scene), drawn=drawn
        )
        for light, yaw, e in POSES
    ]


def some(people: tuple[Any, ...]) -> list[Any]:
    """All people, of whom `make test` looks at the first."""
    return [pytest.param(*one, marks=[] if i < 1 else pytest.mark.thorough) for i, one in enumerate(people)]


@pytest.mark.parametrize("traits, glasses", some(PEOPLE))
def test_a_drawn_person_is_found_again(traits: dict[str, Any], glasses: str) -> None:
    person = replace(PLAIN, **traits)
    found = fit(views(person, glasses), person.gender)
    assert found.person.hair_colour == person.hair_colour
    assert np.linalg.norm(skin_drawn(found.person) - skin_drawn(person)) < 8
    assert (found.glasses != "none") == (glasses != "none")
    assert found.person.beard == person.beard


def test_the_same_photos_give_the_same_avatar() -> None:
    seen = views(PLAIN)[:1]
    assert fit(seen) == fit(seen)


def test_a_covered_head_gets_the_nearest_cut_and_a_sentence() -> None:
    found = fit(views(PLAIN, hat="beanie", hat_colour="red", drawn=False), "woman")
    assert found.person.hair == "bob"
    assert COVERED in found.notes
    assert found.confidence["hair"] < 0.5


def test_hair_of_no_known_cut_gets_the_nearest_and_a_note() -> None:
    """Each photo shows another cut."""
    people = [replace(PLAIN, hair=cut, hair_colour="red") for cut in ("long", "buzz", "afro")]
    found = found_in([measured(view(person, Scene(size=0.5))) for person in people], "woman")
    assert found.values["hair"] in CUTS
    assert found.notes == [UNSURE]


def test_photos_of_two_very_different_people_make_no_avatar() -> None:
    fair, dark = replace(PLAIN, skin=0.0, hair_colour="blonde"), replace(PLAIN, skin=1.0)
    with pytest.raises(MLError) as e:
        fit([*views(fair)[:2], *views(dark)[:2]])
    assert e.value.code == "avatar_photos_differ"


def test_photos_from_the_side_alone_make_no_avatar() -> None:
    with pytest.raises(MLError) as e:
        fit([view(PLAIN, Scene(yaw=35.0, size=0.5))])
    assert e.value.code == "avatar_no_front"


def test_a_correction_changes_what_it_names_and_nothing_else() -> None:
    avatar = Avatar(PLAIN, "none", {"hair": 0.2, "skin": 0.5})
    changed = corrected(avatar, hair="wavy", skin=0.8, glasses="round")
    assert changed.person == replace(PLAIN, hair="wavy", skin=0.8)
    assert (changed.glasses, changed.confidence) == ("round", {"hair": 1.0, "skin": 1.0, "glasses": 1.0})


@pytest.mark.parametrize(
    "wrong, code",
    [
        ({"hair": "mohawk"}, "avatar_unknown_hair"),
        ({"hair_colour": "green"}, "avatar_unknown_hair_colour"),
        ({"beard": "long"}, "avatar_unknown_beard"),
        ({"eyes": "pink"}, "avatar_unknown_eyes"),
        ({"glasses": "sun"}, "avatar_unknown_glasses"),
        ({"skin": 1.2}, "avatar_out_of_range"),
        ({"skin": float("nan")}, "avatar_out_of_range"),
    ],
)
def test_a_correction_out_of_range_is_refused(wrong: dict[str, Any], code: str) -> None:
    with pytest.raises(MLError) as e:
        corrected(Avatar(PLAIN), **wrong)
    assert e.value.code == code


def test_an_avatar_survives_as_plain_data() -> None:
    avatar = Avatar(replace(PLAIN, mole=(0.3, 0.3)), "round", {"hair": 0.5}, ("A sentence.",))
    assert from_facts(avatar.facts()) == replace(avatar, confidence=from_facts(avatar.facts()).confidence)


@pytest.mark.parametrize("facts", [{}, {"person": {"hair": "bob"}, "notes": [], "confidence": {}}])
def test_what_is_no_avatar_is_not_read(facts: dict[str, Any]) -> None:
    with pytest.raises(MLError) as e:
        from_facts(facts)
    assert e.value.code == "avatar_unreadable"


def test_its_drawings_wear_its_glasses_and_the_captions_do_not_name_them() -> None:
    plain, worn = (photos_of(Avatar(PLAIN, glasses), "woman", 3, count=2) for glasses in ("none", "round"))
    assert [p.caption for p in plain] == [p.caption for p in worn]
    assert all(a.clean != b.clean for a, b in zip(plain, worn))
    assert all("ohwx woman" in p.caption and "glasses" not in p.caption for p in worn)
    assert plain == photos_of(Avatar(PLAIN), "woman", 3, count=2)
