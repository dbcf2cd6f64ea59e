"""Edits on arrays: what turns, what is cut off, what the light sliders compute, what is refused."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from bench.watermark import draw_portrait
from ml import edit, media, provenance, watermark
from ml.edit import Edit, apply
from ml.errors import MLError
from ml.finish import sign_edit
from ml.provenance import Signer
from ml.regions import mask_of
from ml.types import REGIONS, Face

PICTURE = draw_portrait(7, 400, 300)  # width, height
FACE = Face((150, 80, 250, 210), 1.0, ((180, 130), (222, 132), (200, 155), (184, 180), (218, 181)))


def code_of(**fields: Any) -> str:
    with pytest.raises(MLError) as refused:
        apply(PICTURE, Edit(**fields))
    return refused.value.code


def test_flips_and_quarter_turns_move_pixels_alone() -> None:
    assert np.array_equal(apply(PICTURE, Edit(flip="horizontal")), PICTURE[:, ::-1])
    assert np.array_equal(apply(PICTURE, Edit(flip="both")), PICTURE[::-1, ::-1])
    turned = apply(PICTURE, Edit(rotate=90))
    assert turned.shape == (400, 300, 3)
    assert np.array_equal(turned[0, -1], PICTURE[0, 0])  # clockwise: the top left comes to the top right


def test_a_crop_is_of_the_turned_picture() -> None:
    made = apply(PICTURE, Edit(flip="horizontal", crop=(10, 20, 200, 240)))
    assert np.array_equal(made, PICTURE[20:260, ::-1][:, 10:210])


@pytest.mark.parametrize("aspect, size", [("1:1", (300, 300)), ("4:5", (240, 300)), ("16:9", (400, 225))])
def test_a_shape_alone_keeps_the_middle(aspect: str, size: tuple[int, int]) -> None:
    made = apply(PICTURE, Edit(aspect=aspect))
    assert (made.shape[1], made.shape[0]) == size


def test_a_straightened_picture_has_no_empty_corners() -> None:
    white = np.full((300, 400, 3), 255, np.uint8)
    white[[0, -1]], white[:, [0, -1]] = 0, 0  # the edge is what is repeated beyond it
    made = apply(white, Edit(straighten=8))
    assert made.shape[0] < 300
    assert abs(made.shape[1] / made.shape[0] - 4 / 3) < 0.02
    assert made[2:-2, 2:-2].min() > 200


def test_straightening_turns_clockwise() -> None:
    line = np.zeros((301, 401, 3), np.uint8)
    line[150] = 255
    made = cv2.cvtColor(edit._straightened(line, 10), cv2.COLOR_RGB2GRAY)
    left, right = (int(made[:, x].argmax()) for x in (100, 300))
    assert left < 150 < right


def test_the_sliders_compute_what_css_filters_compute() -> None:
    flat = np.full((200, 200, 3), (200, 100, 50), np.uint8)
    assert apply(flat, Edit(brightness=20))[0, 0].tolist() == [240, 120, 60]
    assert apply(flat, Edit(contrast=50))[0, 0].tolist() == [236, 86, 11]
    grey = 0.213 * 200 + 0.715 * 100 + 0.072 * 50
    assert apply(flat, Edit(saturation=-100))[0, 0].tolist() == [round(grey)] * 3


@pytest.mark.parametrize(
    "fields, code",
    [
        ({}, "edit_empty"),
        ({"crop": (0, 0, 400, 300)}, "edit_empty"),
        ({"crop": (0, 0, 0, 200)}, "crop_empty"),
        ({"crop": (0, 0, 200, -5)}, "crop_empty"),
        ({"crop": (300, 0, 200, 200)}, "crop_outside"),
        ({"crop": (-1, 0, 200, 200)}, "crop_outside"),
        ({"crop": (0, 0, 400, 300), "straighten": 5.0}, "crop_outside"),
        ({"crop": (0, 0, 191, 200)}, "crop_too_small"),
        ({"crop": (0, 0, 400, 300), "rotate": 90}, "crop_outside"),
    ],
)
def test_what_cannot_be_cut_is_refused(fields: dict[str, Any], code: str) -> None:
    assert code_of(**fields) == code
    assert code in edit.ERRORS


def test_enlarging_is_closer_to_the_truth_than_bicubic() -> None:
    def error(made: np.ndarray) -> float:
        return float(np.square(made.astype(float) - PICTURE).mean())

    small = cv2.resize(PICTURE, (200, 150), interpolation=cv2.INTER_AREA)
    bicubic = cv2.resize(small, (400, 300), interpolation=cv2.INTER_CUBIC)
    assert error(edit.enlarge(small, (400, 300))) < error(bicubic)


def test_an_enlarged_picture_has_a_largest_size() -> None:
    assert edit.print_size(576, 576, 4) == (2304, 2304)
    width, height = edit.print_size(2000, 3000, 4)
    assert width * height <= edit.PRINT_PIXELS * 1.01
    with pytest.raises(MLError, match="already as large"):
        edit.print_size(4000, 5000, 2)


def test_pasting_changes_nothing_outside_of_the_mask() -> None:
    mask = np.zeros((300, 400), bool)
    mask[100:200, 150:250] = True
    made = edit.paste(PICTURE, 255 - PICTURE, mask)
    assert np.array_equal(made[~mask], PICTURE[~mask])
    assert np.array_equal(made[150, 200], 255 - PICTURE[150, 200])
    near = np.abs(made[150, 150].astype(int) - PICTURE[150, 150]).max()
    assert near < np.abs(255 - 2 * PICTURE[150, 150].astype(int)).max()  # no hard seam


def portrait() -> np.ndarray:
    """A head and shoulders of flat colours before a wall, where FACE is."""
    picture = np.full((300, 400, 3), (90, 160, 90), np.uint8)
    cv2.ellipse(picture, (200, 260), (130, 70), 0, 0, 360, (190, 30, 40), -1)
    cv2.ellipse(picture, (200, 130), (68, 90), 0, 0, 360, (60, 40, 30), -1)
    cv2.ellipse(picture, (200, 145), (48, 64), 0, 0, 360, (220, 170, 140), -1)
    return picture


def test_each_region_is_where_its_name_says() -> None:
    masks = {name: mask_of(name, FACE, portrait()) for name in REGIONS}
    assert all(mask.shape == (300, 400) and 0 < mask.mean() < 0.9 for mask in masks.values())
    inside = {"eyes": (130, 180), "mouth": (180, 200), "face": (150, 200), "clothes": (295, 200)}
    assert all(masks[name][where] for name, where in inside.items())
    assert not masks["eyes"][180, 200]
    assert masks["clothes"][270, 300]  # a shoulder
    assert not masks["clothes"][150, 200]
    assert masks["background"][60, 60]
    assert masks["background"][150, 300]
    assert not any(masks["background"][where] for where in ((150, 200), (60, 200), (280, 200), (270, 100)))


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer.open(tmp_path_factory.mktemp("keys"))


@pytest.mark.parametrize("change, kept", [(Edit(brightness=8), True), (Edit(crop=(0, 0, 300, 290)), False)])
def test_an_edit_is_signed_as_one_and_carries_a_mark(signer: Signer, change: Edit, kept: bool) -> None:
    parent = media.encode_png(watermark.embed(PICTURE, 77))
    picture, own = apply(media.to_array(parent), change), None if change.moves else 77
    made, mark = sign_edit(picture, parent=parent, engine="nano", signer=signer, mark=own)
    found = provenance.verify(made, certificates=signer.certificates)
    assert (found.verdict, found.kind, found.ident) == ("ours_edited", "edited", mark)
    assert (mark == 77) is kept
    assert watermark.read(media.to_array(made)) == mark
