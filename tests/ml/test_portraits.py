"""The drawn people, used for training and for tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.drawn.captions import caption, plain_caption
from ml.drawn.people import Scene, random_person, random_scene, varied_scenes
from ml.drawn.portraits import draw
from ml.nano import data
from ml.types import STYLES
from ml.vocabulary import BACKGROUNDS, CLOTHES


def somebody(seed: int = 3) -> object:
    return random_person(np.random.default_rng(seed))


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b.astype(float)).mean())


def test_the_same_person_and_scene_are_the_same_picture() -> None:
    scene = random_scene(np.random.default_rng(1), style=None)
    assert (draw(somebody(), scene, 96, 80) == draw(somebody(), scene, 96, 80)).all()


def test_a_blink_changes_the_eyes_alone() -> None:
    open_, closed = (draw(somebody(), Scene(size=0.6, blink=b), 200, 200).astype(int) for b in (0, 1))
    rows, columns = np.nonzero(np.abs(open_ - closed).max(2) > 8)
    eyes = 100 - 0.06 * 100  # the row of the eyes
    assert len(rows) > 50
    assert np.abs(rows - eyes).max() < 0.2 * 100
    assert np.abs(columns - 100).min() > 5


@pytest.mark.parametrize("size", [(80, 144), (144, 80), (128, 128), (768, 960)])
def test_any_size_and_shape_can_be_drawn(size: tuple[int, int]) -> None:
    picture = draw(somebody(), Scene(), *size)
    assert picture.shape == (*size, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 20


def test_a_large_drawing_shrinks_to_the_small_one() -> None:
    import cv2

    large = cv2.resize(draw(somebody(), Scene(), 512, 512), (128, 128), interpolation=cv2.INTER_AREA)
    assert apart(large, draw(somebody(), Scene(), 128, 128)) < 6


def test_every_style_background_and_garment_looks_different() -> None:
    for field, names in (("style", STYLES), ("background", BACKGROUNDS), ("clothes", CLOTHES)):
        drawn = [draw(somebody(), replace(Scene(), **{field: n}), 96, 96) for n in names]
        nearest = min(apart(a, b) for i, a in enumerate(drawn) for b in drawn[:i])
        assert nearest > (1.2 if field == "clothes" else 8), field


def test_a_turned_head_shows_its_features_where_it_turned_to() -> None:
    """The white of the eyes moves with the face."""
    left, right = (
        draw(somebody(), replace(Scene(), yaw=y), 128, 128)[:, :, :].astype(int) for y in (-30, 30)
    )
    assert apart(left, right) > 4
    face = slice(40, 80)
    bright = [np.average(np.arange(128), weights=(p[face].min(2) > 170).sum(0) + 1e-6) for p in (left, right)]
    assert bright[1] > bright[0]


def test_adults_only() -> None:
    rng = np.random.default_rng(0)
    assert all(0 <= random_person(rng).age <= 1 for _ in range(50))  # 0 is twenty years


def test_rare_traits_are_not_rare() -> None:
    rng = np.random.default_rng(0)
    people = [random_person(rng) for _ in range(600)]
    for trait, value in (("hair", "bald"), ("beard", "beard"), ("hair", "afro")):
        assert sum(getattr(p, trait) == value for p in people) >= 20, value
    assert sum(p.skin > 0.8 for p in people) >= 90


def test_captions_say_what_is_drawn() -> None:
    scene = replace(
        Scene(), background="beach", clothes="hoodie", colour="red", expression="laughing", glasses="round"
    )
    text = plain_caption(scene, "ohwx woman")
    worn = "wearing a red hoodie, wearing round glasses"
    assert text == f"photo of ohwx woman, laughing, on a beach, {worn}, soft light"


def test_a_triggers_caption_says_nothing_of_the_face() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        text = caption(random_scene(rng), rng, subject="ohwx person")
        assert "ohwx person" in text
        assert not any(w in text for w in ("hair", "eyes", "beard", "freckles", "skin"))


def test_a_number_names_one_picture_and_its_captions_change_by_epoch() -> None:
    assert (data.picture(17) == data.picture(17)).all()
    assert data.words(17, 0) == data.words(17, 0)
    assert len({data.words(17, e) for e in range(6)}) > 3


def test_about_one_caption_in_seven_names_the_trigger_and_one_in_twelve_is_empty() -> None:
    texts = [data.words(i, 0) for i in range(1000)]
    assert 100 < sum("ohwx" in t for t in texts) < 180
    assert 50 < sum(t == "" for t in texts) < 115


def test_a_careful_users_photos_differ_in_place_and_expression() -> None:
    scenes = varied_scenes(np.random.default_rng(0), 12)
    assert len({s.background for s in scenes}) == 8
    assert len({s.expression for s in scenes}) == 4
    assert all(s.hat == "none" for s in scenes)
