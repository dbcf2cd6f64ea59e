"""Restoration: the small net, laying and pasting, fidelity, whole pictures, fetched restorers."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ml import media
from ml.drawn.people import random_person, random_scene
from ml.drawn.portraits import draw
from ml.errors import MLError
from ml.faces import Faces
from ml.nano.worn import Wear, wear
from ml.nets.restorer import TILE, PictureRestorer, Restorer
from ml.nets.torchvision import ensure_torchvision
from ml.provenance import Signer, verify
from ml.restore import choosing, restorers, weights
from ml.restore.choosing import Identity, blend, choose
from ml.restore.paste import SIDE, lay, paste, soft_mask
from ml.restore.quality import is_good, noise, quality
from ml.restore.restorers import Restorers
from ml.restore.restoring import MOST_FACES, check, restore, scale_within
from ml.types import Face, RestoreSpec


def portrait(number: int = 7, side: int = 320, size: float = 0.6) -> np.ndarray:
    rng = np.random.default_rng(number)
    scene = replace(
        random_scene(rng), style="photorealistic", light="soft", yaw=0.0, roll=8.0, size=size, hat="none"
    )
    return draw(random_person(rng), scene, side, side)


def face_at(x: float, y: float, width: float) -> Face:
    points = np.array([(-0.22, -0.1), (0.22, -0.1), (0, 0.1), (-0.18, 0.32), (0.18, 0.32)]) * width + (x, y)
    half = width / 2
    return Face((x - half, y - half, x + half, y + half), 1.0, tuple(map(tuple, points.tolist())))


@pytest.fixture(scope="module")
def faces() -> Faces:
    return Faces()


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer.open(tmp_path_factory.mktemp("keys"))


# ---------------------------------------------------------------- the net


def test_a_fresh_net_changes_nothing() -> None:
    x = torch.rand(1, 3, 32, 48)
    assert torch.equal(Restorer()(x), x)


def test_the_shipped_net_brings_worn_pictures_nearer_to_what_they_were() -> None:
    clean, rng = portrait(3, 256), np.random.default_rng(1)
    worn = wear(clean, Wear(blur=1.5, shrink=2, noise=8, jpeg=60), rng)
    made = PictureRestorer()(worn)
    before, after = (np.square(p.astype(float) - clean).mean() for p in (worn, made))
    assert after < 0.85 * before


def test_tiles_have_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    from ml.nets import restorer

    picture = wear(portrait(4, 200), Wear(noise=6), np.random.default_rng(2))
    whole = PictureRestorer()(picture).astype(int)
    monkeypatch.setattr(restorer, "TILE", 160)
    monkeypatch.setattr(restorer, "OVERLAP", 48)
    assert np.abs(PictureRestorer()(picture).astype(int) - whole).max() <= 12
    assert TILE % restorer.STEP == 0


# ---------------------------------------------------------------- laying and pasting


def test_nothing_is_lost_where_nothing_was_restored() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (300, 260, 3), np.uint8)
    ground = picture.copy()
    square = lay(picture, face_at(130, 150, 90))
    paste(ground, picture, square, square.pixels)
    assert np.array_equal(ground, picture)


@pytest.mark.parametrize("width", [40.0, 180.0, 700.0])
def test_the_paste_has_no_seam_and_stays_where_the_face_is(width: float) -> None:
    side = int(3 * width)
    picture = np.full((side, side, 3), 100, np.uint8)
    ground = picture.copy()
    square = lay(picture, face_at(side / 2, side / 2, width))
    paste(ground, picture, square, np.full((SIDE, SIDE, 3), 180, np.uint8))
    changed = ground[..., 0].astype(int) - 100
    assert changed[side // 2, side // 2] >= 78
    assert changed[0].max() == changed[:, 0].max() == 0
    steps = np.abs(np.diff(changed, axis=1)).max()
    assert steps <= max(4, 80 * 5 / width)  # no step between neighbours: it rises over a fifth of the face


def test_the_mask_is_nothing_at_the_edge() -> None:
    mask = soft_mask()
    assert max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) == 0
    assert mask[SIDE // 2, SIDE // 2] == 1


# ---------------------------------------------------------------- quality


def test_quality_falls_with_blur_noise_and_size() -> None:
    clean, rng = portrait(5, 640), np.random.default_rng(4)
    face = face_at(320, 330, 260)
    good = quality(clean, face)
    blurred, noisy = (wear(clean, how, rng) for how in (Wear(blur=4), Wear(noise=20)))
    assert quality(blurred, face) < 0.6 * good
    assert quality(noisy, face) < 0.6 * good
    assert noise(noisy, face) == pytest.approx(20 * 0.67, rel=0.35)  # of luma: three channels average out


def test_large_sharp_faces_are_good_and_small_ones_are_not() -> None:
    clean = portrait(6, 900)
    assert is_good(clean, face_at(450, 470, 380))
    assert not is_good(clean, face_at(450, 470, 60))


# ---------------------------------------------------------------- the choice


def identity(kept: list[float], photos: int = 0) -> Identity:
    """Vectors so that the tried pictures keep the person by these probabilities, in order."""
    from ml.nets.scales import REAL, SCALES

    scale, left = SCALES[REAL], iter(kept)

    def vector(name: str, pixels: np.ndarray, face: Face) -> np.ndarray:
        p = next(left)
        return np.array([scale.middle + scale.width * np.log((1 - p) / p), 0.0])

    return Identity(vector, face_at(0, 0, 9), REAL, np.zeros(2), np.zeros((photos, 2)), REAL)


BEFORE, AFTER = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 200, np.uint8)


def test_as_much_is_changed_as_keeps_the_person() -> None:
    assert choose(BEFORE, AFTER, identity([0.95]), None, least=0.0).fidelity == 0.0
    found = choose(BEFORE, AFTER, identity([0.4, 0.7, 0.9]), None, least=0.0)
    assert (found.fidelity, found.identity) == (0.7, 0.9)
    assert choose(BEFORE, AFTER, identity([0.95]), None, least=0.35).fidelity == 0.35


def test_the_clearer_a_face_is_the_less_is_changed() -> None:
    assert choosing.least_fidelity(0.0, invents=False) == 0.0
    assert choosing.least_fidelity(0.6, invents=False) == choosing.least_fidelity(0.6, invents=True) == 0.6
    assert choosing.least_fidelity(0.1, invents=True) == 0.35


def test_where_none_keeps_the_person_the_best_is_taken_and_flagged() -> None:
    found = choose(BEFORE, AFTER, identity([0.1, 0.2, 0.4, 0.3]), None, least=0.0)
    assert (found.fidelity, found.identity) == (0.7, 0.4)
    assert found.identity < choosing.FLOOR


def test_a_fidelity_that_was_asked_for_is_kept() -> None:
    found = choose(BEFORE, AFTER, identity([0.2]), 1.0, least=0.35)
    assert (found.fidelity, int(found.pixels[0, 0, 0])) == (1.0, 50)
    assert np.array_equal(blend(BEFORE, AFTER, 0.0), AFTER)


def test_photos_of_the_person_choose_what_is_nearest_to_them() -> None:
    kept = [0.7, 0.7, 0.95, 0.95, 0.8, 0.8, 0.6, 0.6]  # each picture is compared twice
    assert choose(BEFORE, AFTER, identity(kept, photos=3), None, least=0.0).fidelity == 0.35


# ---------------------------------------------------------------- whole pictures


def test_what_has_no_face_too_many_or_too_small_ones_is_refused() -> None:
    for found, code in (
        ([], "no_face"),
        ([face_at(50, 50, 40)] * (MOST_FACES + 1), "several_faces"),
        ([face_at(50, 50, 16)], "face_too_small"),
    ):
        with pytest.raises(MLError) as refused:
            check(found)
        assert refused.value.code == code


@pytest.mark.parametrize("shape, wanted, made", [((512, 512), 2, 2), ((2048, 2048), 4, 2), ((64, 90), 1, 4)])
def test_results_are_neither_too_large_nor_too_small(shape: Any, wanted: int, made: int) -> None:
    assert scale_within(shape, wanted) == made


def test_a_worn_picture_is_restored_marked_as_edited_and_still_shows_the_person(
    faces: Faces, signer: Signer
) -> None:
    worn = wear(portrait(7), Wear(blur=1.2, noise=5, jpeg=70), np.random.default_rng(5))
    spec = RestoreSpec(media.encode_jpeg(worn), scale=2, background=True)
    told = restore(spec, faces=faces, restorers=Restorers(), signer=signer)
    assert (told.picture.width, told.scale, told.picture.engine) == (640, 2, weights.OWN)
    assert (len(told.faces), told.is_flagged) == (1, False)
    assert told.after > told.before
    assert told.identity is not None
    assert verify(told.picture.png, certificates=signer.certificates).kind == "edited"


def test_a_picture_without_a_face_is_refused_before_any_work(faces: Faces, signer: Signer) -> None:
    plain = media.encode_jpeg(np.full((200, 200, 3), 90, np.uint8))
    with pytest.raises(MLError, match="No face"):
        restore(RestoreSpec(plain), faces=faces, restorers=Restorers(), signer=signer)


# ---------------------------------------------------------------- other restorers


def test_the_best_restorer_that_is_there_is_used_and_one_with_a_harsh_licence_only_when_named(
    tmp_path: Path,
) -> None:
    assert weights.chosen(tmp_path) == weights.OWN
    (tmp_path / "codeformer.pth").touch()
    assert weights.chosen(tmp_path) == weights.OWN
    assert weights.chosen(tmp_path, "CodeFormer") == "CodeFormer"
    (tmp_path / "GFPGANv1.4.pth").touch()
    assert weights.chosen(tmp_path) == "GFPGANv1.4"
    with pytest.raises(MLError, match="Fetch it"):
        weights.chosen(tmp_path, "RestoreFormer")


def test_another_restorer_gets_and_gives_what_it_was_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []

    class Net(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, None]:
            seen.append(x)
            return -x, None

    monkeypatch.setattr(restorers, "load", lambda name, path: Net())
    (tmp_path / "GFPGANv1.4.pth").touch()
    net = Restorers(tmp_path).best()
    square = np.full((8, 8, 3), 255, np.uint8)
    assert (net.name, net.invents, int(net(square)[0, 0, 0])) == ("GFPGANv1.4", True, 0)
    assert float(seen[0].max()) == 1.0


def random_gfpgan(folder: Path) -> Path:
    """A file as GFPGANv1.4's, with random weights."""
    ensure_torchvision()
    from spandrel.architectures.GFPGAN import GFPGAN

    torch.manual_seed(3)
    net = GFPGAN(
        out_size=512,
        num_style_feat=512,
        channel_multiplier=2,
        decoder_load_path=None,
        fix_decoder=False,
        num_mlp=8,
        input_is_latent=True,
        different_w=True,
        narrow=1,
        sft_half=True,
    )
    file = folder / restorers.KNOWN["GFPGANv1.4"].file
    torch.save({"params_ema": net.state_dict()}, file)
    return file


@pytest.mark.thorough
def test_a_file_of_gfpgans_layout_is_loaded_and_restores_a_face(tmp_path: Path) -> None:
    """Its real net with random weights: nothing is invented here but the numbers in the file."""
    file = random_gfpgan(tmp_path)
    net = Restorers(tmp_path).best()
    made = net(portrait(side=SIDE))
    assert (net.name, net.invents) == ("GFPGANv1.4", True)
    assert (made.shape, made.dtype) == ((SIDE, SIDE, 3), np.uint8)
    assert (net(portrait(side=SIDE)) == made).all()
    file.write_bytes(file.read_bytes()[:100_000])
    with pytest.raises(MLError) as e:
        Restorers(tmp_path).best()(made)
    assert e.value.code == "restorer_broken"


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"params_ema": Evil()}, tmp_path / restorers.KNOWN["GFPGANv1.4"].file)
    with pytest.raises(MLError) as e:
        Restorers(tmp_path).best()(portrait(side=SIDE))
    assert e.value.code == "restorer_broken"
    assert not (tmp_path / "ran").exists()


def fetch(folder: Path, *names: str, yes: bool = True, **stated: str) -> None:
    weights.fetch(folder, names, stated=stated, accept=lambda question: yes, tell=lambda text: None)


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The file of a release, at an address of this machine."""
    source = tmp_path / "release.pth"
    source.write_bytes(b"weights" * 1000)
    known = replace(weights.KNOWN["RestoreFormer"], url=source.as_uri())
    monkeypatch.setitem(weights.KNOWN, "RestoreFormer", known)
    return source.read_bytes()


def test_a_restorer_is_fetched_with_a_checksum_that_the_operator_states(
    tmp_path: Path, release: bytes
) -> None:
    right = hashlib.sha256(release).hexdigest()
    fetch(tmp_path / "to", "RestoreFormer", RestoreFormer=right)
    assert (tmp_path / "to" / "RestoreFormer.pth").read_bytes() == release
    fetch(tmp_path / "to", "RestoreFormer", yes=False, RestoreFormer=right)  # it is there: nothing is asked


@pytest.mark.parametrize(
    "stated, yes, code",
    [
        ("", True, "checksum_unknown"),
        ("0" * 64, True, "checksum_wrong"),
        ("0" * 64, False, "licence_not_accepted"),
    ],
)
def test_a_file_that_cannot_be_vouched_for_is_not_used(
    tmp_path: Path, release: bytes, stated: str, yes: bool, code: str
) -> None:
    with pytest.raises(MLError) as refused:
        fetch(tmp_path / "to", "RestoreFormer", yes=yes, RestoreFormer=stated)
    assert refused.value.code == code
    assert not (tmp_path / "to" / "RestoreFormer.pth").exists()


# ---------------------------------------------------------------- training


def test_the_restorers_training_makes_pairs_of_one_size() -> None:
    from ml.nano.leaves import leaves
    from ml.nano.restorer_training import BATCH, CROP, batch, loss

    rng = np.random.default_rng(6)
    worn, clean = batch([portrait(8, 128)], [leaves(rng, 128)], seed=1, step=2)
    assert worn.shape == clean.shape == (BATCH, 3, CROP, CROP)
    assert loss(clean, clean) == 0 < loss(worn, clean)
