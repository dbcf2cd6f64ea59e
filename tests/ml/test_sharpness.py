"""The likeness of a picture comes with how sharp its face is: contact sheets sort by both."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from ml.likeness import SHARP, facts_of, likeness_and_sharpness
from ml.nets.scales import SCALES
from ml.types import Face

EMBEDDER = next(iter(SCALES))
BOX = (40.0, 40.0, 216.0, 216.0)


class OneFace:
    """Finds the same face in each picture, or none."""

    def __init__(self, vector: np.ndarray | None) -> None:
        self.found = vector

    def vector(self, picture: np.ndarray, embedder: str) -> Any:
        return None if self.found is None else (Face(BOX, 1.0, ((90.0, 90.0),) * 5), self.found)


@pytest.fixture(scope="module")
def person() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(6, 16)) * 0.01 + np.eye(16)[0]


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    board = np.kron(np.indices((16, 16)).sum(0) % 2, np.ones((16, 16))) * 200 + 20
    return np.repeat(board[..., None], 3, axis=2).astype(np.uint8)


def test_a_sharp_face_has_both_and_a_blurred_one_its_sharpness_alone(
    person: np.ndarray, picture: np.ndarray
) -> None:
    twin, faces = facts_of(person, EMBEDDER), OneFace(person[0])
    alike, sharp = likeness_and_sharpness(picture, twin, faces)  # type: ignore[arg-type]
    assert alike is not None
    assert sharp is not None
    assert sharp > SHARP
    soft = cv2.GaussianBlur(picture, (0, 0), 6.0)
    alike, blurred = likeness_and_sharpness(soft, twin, faces)  # type: ignore[arg-type]
    assert alike is None
    assert blurred is not None
    assert blurred < SHARP


def test_without_a_face_or_a_twin_there_is_neither(person: np.ndarray, picture: np.ndarray) -> None:
    twin = facts_of(person, EMBEDDER)
    assert likeness_and_sharpness(picture, twin, OneFace(None)) == (None, None)  # type: ignore[arg-type]
    assert likeness_and_sharpness(picture, {}, OneFace(person[0])) == (None, None)  # type: ignore[arg-type]
