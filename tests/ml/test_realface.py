"""The embedder of real faces agrees with dlib, and drawn faces are told from photographed ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ml.drawn.people import Scene, random_person, random_scene
from ml.drawn.portraits import draw
from ml.faces import Faces
from ml.nano.drawn_or_real_training import worn
from ml.nets.alignment import similarity
from ml.nets.convert_dlib import read_sdist
from ml.nets.drawn_or_real import DrawnOrReal
from ml.nets.embedders import RealEmbedder, as_batch
from ml.nets.scales import DRAWN, REAL, SCALES
from ml.types import STYLES, Face

DATA = Path(__file__).parents[1] / "data"
KNOWN = json.loads((DATA / "dlib_vectors.json").read_text())
POINTS = ((70.0, 80.0), (130.0, 80.0), (100.0, 115.0), (75.0, 145.0), (125.0, 145.0))


@pytest.fixture(scope="module")
def embedder() -> RealEmbedder:
    return RealEmbedder()


def chip(number: int) -> np.ndarray:
    return np.array(Image.open(DATA / f"dlib_face_{number}.png"))


def test_vectors_are_dlibs(embedder: RealEmbedder) -> None:
    ours = embedder.net(as_batch(chip(1), chip(2)))
    assert np.abs(ours - np.array(KNOWN["vectors"])).max() < 0.002  # of the weights in half precision


def test_a_mirrored_face_has_the_same_vector(embedder: RealEmbedder) -> None:
    picture = draw(random_person(np.random.default_rng(3)), Scene(yaw=15), 200, 200)
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    left, right, nose, *mouth = ((199 - x, y) for x, y in POINTS)
    faces = (Face((0, 0, 1, 1), 1.0, POINTS), Face((0, 0, 1, 1), 1.0, (right, left, nose, *mouth[::-1])))
    one, other = (embedder.vector(p, f) for p, f in zip((picture, mirrored), faces))
    assert np.linalg.norm(one - other) < 0.08


@pytest.mark.parametrize("turn, size", [(0.0, 1.0), (25.0, 1.0), (-10.0, 3.0)])
def test_a_chip_is_upright_and_of_one_scale(turn: float, size: float) -> None:
    matrix = cv2.getRotationMatrix2D((100.0, 100.0), turn, 1.0) * size
    points = np.array(POINTS) @ matrix[:, :2].T + matrix[:, 2]
    found = similarity(points, np.array(POINTS))
    assert np.allclose(points @ found[:, :2].T + found[:, 2], POINTS, atol=1e-6)


def test_drawn_people_of_every_style_are_drawn(embedder: RealEmbedder) -> None:
    faces, judge, rng = Faces(), DrawnOrReal.load(), np.random.default_rng(77)
    person = random_person(rng)
    pictures = [worn(draw(person, replace(random_scene(rng), style=s), 512, 512), rng) for s in STYLES]
    found = [(p, faces.find(p)) for p in pictures]
    drawn = [judge.is_drawn(embedder.vector(p, f[0])) for p, f in found if f]
    assert len(drawn) >= 6
    assert all(drawn)


def test_a_face_far_from_all_drawn_ones_is_real() -> None:
    judge = DrawnOrReal.load()
    signs = np.where(np.arange(128) % 2, 1, -1)
    assert not judge.is_drawn(judge.mean + 3 * judge.spread * signs)


def test_probability_falls_with_distance_and_is_a_half_in_the_middle() -> None:
    for name in (DRAWN, REAL):
        scale = SCALES[name]
        assert scale.probability(scale.middle) == 0.5
        assert scale.probability(0) > 0.99
        assert scale.probability(1e6) < 1e-9


def test_another_package_is_not_converted(tmp_path: Path) -> None:
    (tmp_path / "other.tar.gz").write_bytes(b"another package")
    with pytest.raises(SystemExit, match="checksum"):
        read_sdist(tmp_path / "other.tar.gz")
