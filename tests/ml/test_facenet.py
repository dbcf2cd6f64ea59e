"""InceptionResnetV1 takes the place of dlib's net where its weights are present."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ml.commands.facenet import convert, measure, scale_of
from ml.drawn.people import Scene, random_person
from ml.drawn.portraits import draw
from ml.errors import MLError
from ml.faces import Faces
from ml.nets import facenet
from ml.nets.embedders import Embedders, FacenetEmbedder, RealEmbedder
from ml.nets.scales import DRAWN, FACENET, REAL, SCALES, Scale, stored
from ml.types import Face

FACE = Face((30, 40, 170, 180), 1.0, ((70, 80), (130, 80), (100, 115), (75, 145), (125, 145)))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that were never trained: these tests are about the way, not about who is recognised."""
    folder = tmp_path_factory.mktemp("facenet")
    torch.manual_seed(1)
    state = facenet.net().state_dict() | {"logits.weight": torch.zeros(3, 512), "logits.bias": torch.zeros(3)}
    torch.save(state, folder / "vggface2.pt")
    save_file(convert(folder / "vggface2.pt"), folder / "facenet.safetensors")
    return folder / "facenet.safetensors"


def picture(seed: int = 3) -> np.ndarray:
    return draw(random_person(np.random.default_rng(seed)), Scene(), 200, 200)


def test_a_face_has_512_numbers_and_its_mirror_image_the_same(weights: Path) -> None:
    embedder, drawn = FacenetEmbedder(weights), picture()
    left, top, right, bottom = FACE.box
    mirrored = Face((200 - right, top, 200 - left, bottom), 1.0, FACE.points)
    one = embedder.vector(drawn, FACE)
    assert one.shape == (512,)
    assert np.allclose(one, embedder.vector(np.ascontiguousarray(drawn[:, ::-1]), mirrored), atol=1e-4)


def test_it_embeds_photographs_and_dlib_still_tells_drawings_apart(weights: Path) -> None:
    both = Embedders(real_faces=FacenetEmbedder(weights))
    assert both.in_use == (DRAWN, FACENET)
    both.judge.mean[:] = both.dlib.vector(picture(), FACE)
    assert both.describe(picture(), FACE)[0] == DRAWN
    both.judge.mean[:] = 9
    name, vector = both.describe(picture(), FACE)
    assert (name, vector.shape) == (FACENET, (512,))
    assert np.allclose(both.vector(REAL, picture(), FACE), RealEmbedder().vector(picture(), FACE))


def test_without_its_weights_dlib_embeds_photographs() -> None:
    assert not facenet.is_present()
    assert Embedders().in_use == (DRAWN, REAL)


def test_the_file_of_another_net_is_refused(tmp_path: Path) -> None:
    torch.save({"first.weight": torch.zeros(2)}, tmp_path / "other.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "other.pt").read_bytes()[:300])
    for name in ("other.pt", "cut.pt"):
        with pytest.raises(MLError, match="not the checkpoint"):
            convert(tmp_path / name)


def normal(mean: float, deviation: float) -> np.ndarray:
    """A thousand numbers of a normal distribution, at even shares."""
    shares = (np.arange(1000) + 0.5) / 1000
    return mean + deviation * np.sqrt(2) * torch.erfinv(torch.tensor(2 * shares - 1)).numpy()


def test_the_scale_is_measured_on_people_and_of_dlibs_distances_it_is_ours() -> None:
    found = scale_of(normal(0.324, 0.0775), normal(0.801, 0.0995))
    assert found.middle == pytest.approx(SCALES[REAL].middle, abs=0.015)
    assert found.width == pytest.approx(SCALES[REAL].width, abs=0.015)
    assert found.same < found.other <= found.middle


def test_a_net_that_tells_people_apart_badly_is_not_installed() -> None:
    with pytest.raises(MLError, match="stays in use"):
        scale_of(normal(0.5, 0.1), normal(0.7, 0.1))


def test_it_is_not_measured_on_fewer_than_twenty_people(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(MLError, match="at least 20"):
        measure(tmp_path, FacenetEmbedder(weights), Faces())


def test_a_scale_is_read_from_its_file(tmp_path: Path) -> None:
    text = '{"drawn": false, "same": 0.9, "other": 1.0, "middle": 1.0, "width": 0.05}'
    (tmp_path / "facenet.json").write_text(text)
    assert stored(tmp_path / "facenet.json") == Scale(False, 0.9, 1.0, 1.0, 0.05)
