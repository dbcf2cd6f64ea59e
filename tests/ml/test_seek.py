"""The picture that faces are searched with, and how well a face can be compared."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ml import media
from ml.drawn.people import Scene, random_person
from ml.drawn.portraits import draw
from ml.errors import PhotoRefused
from ml.judge import Judge
from ml.measures import quality_of
from ml.nets.scales import DRAWN
from tests.ml.doubles import CentredFaces


@pytest.fixture(scope="module")
def blurred() -> np.ndarray:
    whole = draw(random_person(np.random.default_rng(8)), Scene(), 400, 400)
    return np.asarray(cv2.GaussianBlur(whole, (0, 0), 5))


def noise(side: int = 400) -> np.ndarray:
    """A sharp picture."""
    return np.random.default_rng(1).integers(0, 255, (side, side, 3), np.uint8)


def sought(faces: CentredFaces, picture: np.ndarray) -> str:
    """The code of the refusal, or the names of the embedders."""
    try:
        return " ".join(Judge(faces=faces).seek(media.encode_jpeg(picture)))
    except PhotoRefused as refused:
        return refused.code


@pytest.mark.parametrize(
    "count, share, code", [(0, 1, "no_face"), (5, 0.8, "several_faces"), (2, 0.3, DRAWN)]
)
def test_a_search_takes_one_face_and_small_ones_beside_it(count: int, share: float, code: str) -> None:
    assert sought(CentredFaces(count, others=share), noise()) == code


def test_a_blur_and_a_file_that_is_no_picture_are_not_searched_with(blurred: np.ndarray) -> None:
    assert sought(CentredFaces(), blurred) == "face_unclear"
    with pytest.raises(PhotoRefused, match="not a picture"):
        Judge(faces=CentredFaces()).seek(b"%PDF-1.7")


def test_older_embedders_of_the_same_kind_answer_too_while_they_are_there() -> None:
    data = media.encode_jpeg(noise())
    judge = Judge(faces=CentredFaces())
    assert set(judge.seek(data, ["dlib-resnet-2", "gone-drawn"])) == {DRAWN}
    (described,) = judge.embed(data)
    assert np.array_equal(judge.vector(data, described.face, DRAWN), described.vector)
    assert [one.face for one in judge.embed(data, [described.face])] == [described.face]


def test_quality_falls_with_size_blur_and_turn(blurred: np.ndarray) -> None:
    picture, (face,) = noise(), CentredFaces().find(noise())
    assert quality_of(picture, face) == 1.0
    small = replace(face, box=(100, 100, 180, 200))
    assert quality_of(picture, small) == pytest.approx(0.5)
    left, right, _nose, *mouth = face.points
    profile = replace(face, points=(left, right, (right[0], face.points[2][1]), *mouth))
    assert quality_of(picture, profile) < 0.5
    assert quality_of(blurred, face) == 0.0
