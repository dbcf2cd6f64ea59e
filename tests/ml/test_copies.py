"""A copy of a photo is told from another photo of the sitting by its pixels; the face's place is given."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from bench.duplicates import CHANGES
from ml import copies, media
from ml.drawn.people import Scene, random_person
from ml.drawn.portraits import draw
from ml.nets.scales import REAL
from ml.sameness import is_duplicate
from ml.types import Inspection

SIDE = 512
POINTS = np.array([(211.0, 238), (306, 237), (255, 293), (211, 336), (303, 335)])
PERSON = replace(random_person(np.random.default_rng(3)), hair="short", beard="none")


def shot(scene):
    return draw(PERSON, scene, SIDE, SIDE)


def inspected(picture, points=POINTS, **more):
    vector = (0.1,) * 128
    facts = {"embedding": vector, "embedder": REAL, "width": picture.shape[1], "hash": int(picture.sum())}
    clean = media.encode_jpeg(np.ascontiguousarray(picture))
    return Inspection(True, points=tuple(map(tuple, points)), clean=clean, **facts | more)


@pytest.fixture(scope="module")
def portrait():
    return shot(Scene())


def moved(name):
    """Where the five points lie after a change, which moves the marked picture's points too."""
    spots = []
    for x, y in POINTS:
        marked = np.zeros((SIDE, SIDE, 3), np.uint8)
        cv2.circle(marked, (int(x), int(y)), 4, (255, 255, 255), -1)
        rows, columns = np.nonzero(CHANGES[name](marked)[..., 0] > 100)
        spots.append((columns.mean(), rows.mean()))
    return [spots[i] for i in (1, 0, 2, 4, 3)] if "mirrored" in name else spots


@pytest.mark.parametrize("name", list(CHANGES))
def test_a_photo_is_known_again_after_a_trivial_change(portrait, name):
    copy = inspected(CHANGES[name](portrait), moved(name))
    assert is_duplicate(copy, [inspected(portrait)])


def test_another_photo_of_the_sitting_is_no_copy(portrait):
    others = [Scene(expression="smiling"), Scene(yaw=3.0), Scene(light="side")]
    assert [is_duplicate(inspected(shot(s)), [inspected(portrait)]) for s in others] == [False] * 3


def test_the_pixels_of_a_photo_that_differs_by_its_measures_are_not_read(portrait):
    def read():
        raise AssertionError

    said = inspected(portrait)
    others = [
        replace(said, hash=1, clean=b"", read=read, **change)
        for change in ({"yaw": 40.0}, {"embedding": (0.5,) * 128}, {"embedder": "another"}, {"points": ()})
    ]
    assert not is_duplicate(said, others)


def test_a_photo_that_is_gone_meanwhile_is_no_copy(portrait):
    said = inspected(portrait)
    assert not copies.has_copy(said, [replace(said, clean=b"", read=lambda: b"")])
    assert copies.has_copy(said, [replace(said, clean=b"", read=lambda: said.clean)])


def test_a_flat_picture_is_a_copy_of_nothing(portrait):
    flat = inspected(np.full((SIDE, SIDE, 3), 90, np.uint8))
    assert not copies.has_copy(flat, [inspected(portrait)])
    assert not copies.has_copy(inspected(portrait), [flat])
