"""The two small nets: the face embedder and the reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ml.drawn import people
from ml.drawn.portraits import draw
from ml.errors import MLError
from ml.nano import embedder_training
from ml.nano.reader_training import labels
from ml.nets import alignment
from ml.nets.embedders import DrawnEmbedder, RealEmbedder
from ml.nets.reader import FIELDS, Reader, ReaderNet, describe
from ml.vocabulary import BACKGROUNDS


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """(12 people, 4 heads, D); the embedder was not trained on them."""
    net = DrawnEmbedder().net.load()
    heads = [embedder_training.heads_of(700_000 + n, 4, seed=11) for n in range(12)]
    with torch.no_grad():
        out = [net(torch.from_numpy(h).permute(0, 3, 1, 2).float() / 127.5 - 1).numpy() for h in heads]
    return np.stack(out)


def test_vectors_have_unit_length(vectors: np.ndarray) -> None:
    assert np.allclose(np.linalg.norm(vectors, axis=-1), 1, atol=1e-3)


def test_people_never_seen_are_told_apart(vectors: np.ndarray) -> None:
    known = vectors[:, :2].mean(1)
    hits = [int(np.argmax(known @ v)) == who for who, own in enumerate(vectors[:, 2:]) for v in own]
    assert np.mean(hits) >= 0.9


def test_a_head_is_cut_out_upright_whatever_its_tilt() -> None:
    picture = np.zeros((200, 200, 3), np.uint8)
    for angle in (0.0, 0.4, -0.5):
        down = np.array([np.sin(angle), np.cos(angle)])
        eyes = np.array([100.0, 80.0])
        mouth = eyes + 30 * down
        marked = picture.copy()
        for point, value in ((eyes, 255), (mouth, 128)):
            x, y = point.round().astype(int)
            marked[y - 1 : y + 2, x - 1 : x + 2] = value
        cut = alignment.align(marked, eyes, mouth)
        assert cut.shape == (alignment.SIZE, alignment.SIZE, 3)
        x, y = (round(v * alignment.SIZE) for v in alignment.EYES)
        assert cut[y - 2 : y + 2, x - 2 : x + 2].max() > 120


def test_what_a_drawing_shows_is_read_back() -> None:
    rng = np.random.default_rng(31)
    scenes = [people.random_scene(rng, style=None) for _ in range(60)]
    drawn = [draw(people.random_person(rng), s, 128, 128) for s in scenes]
    found = Reader.open().read(drawn)
    for field, least in (("background", 0.85), ("style", 0.9), ("expression", 0.65), ("glasses", 0.75)):
        assert np.mean([f[field][0] == getattr(s, field) for f, s in zip(found, scenes)]) >= least, field


def test_a_caption_leaves_out_what_is_unsure() -> None:
    found = {f: (names[0], 0.3) for f, names in FIELDS.items()} | {"style": ("photorealistic", 0.9)}
    assert describe(found, "ohwx woman") == "photo of ohwx woman"
    found |= {"expression": ("laughing", 0.9), "clothes": ("suit", 0.9), "background": ("beach", 0.8)}
    assert (
        describe(found, "ohwx woman") == "photo of ohwx woman, laughing, on a beach, wearing a suit and tie"
    )


@pytest.mark.parametrize("style", [("fantasy", 0.9), ("photorealistic", 0.5)])
def test_what_is_not_read_as_a_photo_is_not_read_at_all(style: tuple[str, float]) -> None:
    """Most real photos: other values would be guesses, and a wrong word is learnt as part of the person."""
    found = {f: (names[1], 0.9) for f, names in FIELDS.items()} | {"style": style}
    assert describe(found, "ohwx woman") == "photo of ohwx woman"


def test_labels_are_left_out_where_nothing_shows_them() -> None:
    scene = people.Scene(background="park", hat="none", style="noir")
    said = dict(zip(FIELDS, labels(scene)))
    assert said["backdrop"] == said["hat_colour"] == said["colour"] == said["light"] == -1
    assert said["background"] == BACKGROUNDS.index("park")


def test_the_reader_answers_every_field_for_any_size() -> None:
    found = Reader(ReaderNet((4, 4, 4, 4))).read([np.zeros((90, 60, 3), np.uint8)])
    assert set(found[0]) == set(FIELDS)


@pytest.mark.parametrize("make", [DrawnEmbedder, RealEmbedder])
@pytest.mark.parametrize("file", ["missing", "cut short", "of another net"])
def test_a_face_model_that_does_not_load_is_told(make: Any, file: str, tmp_path: Path) -> None:
    whole, found = alignment.WEIGHTS.read_bytes(), tmp_path / "faces.safetensors"
    other = alignment.WEIGHTS.with_name("reader.safetensors").read_bytes()
    if file != "missing":
        found.write_bytes(whole[:-1000] if file == "cut short" else other)
    with pytest.raises(MLError) as error:
        make(weights=found).net.load()
    assert error.value.code == "faces_unavailable"
