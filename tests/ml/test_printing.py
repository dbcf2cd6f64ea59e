"""Faces of an enlarged picture: made clearer where they are small and soft, if it stays the person."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from ml import edit
from ml.faces import Faces
from ml.measures import face_patch, sharpness
from ml.nano.worn import Wear, wear
from ml.nets.scales import SCALES
from ml.restore.choosing import KEPT
from ml.restore.paste import lay
from ml.restore.printing import WIDEST, clear_faces, is_small_and_soft
from ml.restore.restorers import Restorers
from tests.ml.test_restore import face_at, portrait

SMALL = 224  # px of the picture that is enlarged


@pytest.fixture(scope="module")
def faces() -> Faces:
    return Faces()


@pytest.fixture(scope="module")
def printed() -> np.ndarray:
    """A soft drawn picture, enlarged for print."""
    worn = wear(portrait(7, SMALL), Wear(blur=1.0, noise=3, jpeg=70), np.random.default_rng(1))
    return edit.enlarge(worn, (2 * SMALL, 2 * SMALL))


@dataclass
class Net:
    """Makes this of every face."""

    square: np.ndarray
    name: str = "double"
    invents: bool = False

    def __call__(self, square: np.ndarray) -> np.ndarray:
        return self.square


def test_a_small_soft_face_is_made_clearer_and_stays_the_person(faces: Faces, printed: np.ndarray) -> None:
    made, clearer = clear_faces(printed, faces=faces, net=Restorers().best())
    (face,) = faces.find(printed)
    assert clearer == 1
    assert sharpness(face_patch(made, face)) > sharpness(face_patch(printed, face))
    assert np.array_equal(made[:12], printed[:12])  # away from the face nothing changes
    before, after = (faces.embedders.describe(picture, face) for picture in (printed, made))
    assert SCALES[before[0]].probability(float(np.linalg.norm(before[1] - after[1]))) >= KEPT


def test_a_face_that_would_show_somebody_else_stays_as_it_is(faces: Faces, printed: np.ndarray) -> None:
    someone = portrait(11, 512)
    square = lay(someone, faces.find(someone)[0]).pixels
    made, clearer = clear_faces(printed, faces=faces, net=Net(square))
    assert (clearer, np.array_equal(made, printed)) == (0, True)


def test_a_picture_without_a_face_stays_as_it_is(faces: Faces) -> None:
    plain = cv2.GaussianBlur(np.random.default_rng(2).integers(0, 255, (300, 400, 3), np.uint8), (0, 0), 3)
    made, clearer = clear_faces(plain, faces=faces, net=Restorers().best())
    assert (clearer, np.array_equal(made, plain)) == (0, True)


def test_sharp_faces_and_wide_ones_are_left_alone() -> None:
    soft = np.full((1200, 1200, 3), 120, np.uint8)
    assert is_small_and_soft(soft, face_at(600, 600, 200))
    assert not is_small_and_soft(soft, face_at(600, 600, 20))
    assert not is_small_and_soft(soft, face_at(600, 600, WIDEST + 1))
    sharp = portrait(7, 640)
    (face,) = Faces().find(sharp)
    assert not is_small_and_soft(sharp, face)
