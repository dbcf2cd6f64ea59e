"""Image-to-image and repairs on the nano base: where they begin, what stays, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.watermark import draw_portrait
from ml import media, provenance, safety
from ml.catalogue import BASES
from ml.errors import MLError
from ml.local import references
from ml.local.engine import LocalEngine
from ml.local.latents import unpack
from ml.local.repaint import Start, _kept, repaint
from ml.local.sample import Sampler
from ml.remote.engine import open_remote
from ml.remote.settings import Remote
from ml.safety import PictureVerdict
from ml.types import Face, RenderSpec
from tests.ml.doubles import CentredFaces, MemoryStore, Said

SPEC = RenderSpec("smiling, in a park, wearing a red hoodie", seed=5, steps=2, reference="a.png")
PICTURE = draw_portrait(3, 400, 500)
EMBEDS = ("prompt_embeds", "pooled_prompt_embeds")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    return LocalEngine("nano", keys=tmp_path_factory.mktemp("keys"), threads=1, faces=CentredFaces())


@pytest.fixture
def sampler(engine: LocalEngine) -> Sampler:
    return engine.sampler_of((None, None, {}))


@pytest.fixture(autouse=True)
def detector() -> Iterator[Said]:
    said = Said()
    safety.use_detector(said)
    yield said
    safety.use_detector(safety.Detector(safety.detector_command()))


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    made.write("a.png", media.encode_png(PICTURE))
    return made


def mask_png(mask: np.ndarray) -> bytes:
    return media.encode_png(np.repeat(mask[..., None].astype(np.uint8) * 255, 3, axis=2))


def far(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b).mean())


def test_sampling_in_one_pass_is_the_pipelines_in_two(sampler: Sampler) -> None:
    base, text = sampler.base, "photo of a man, on a beach"
    (width, height), both = base.sizes.by_aspect["4:5"], [sampler._encode(t) for t in (text, "blue")]
    said = zip(("", "negative_"), both)
    theirs = sampler.pipe(
        **{f"{which}{name}": part for which, words in said for name, part in zip(EMBEDS, words)},
        true_cfg_scale=base.true_cfg,
        guidance_scale=0.0,
        width=width,
        height=height,
        num_inference_steps=3,
        output_type="latent",
        generator=torch.Generator().manual_seed(4),
    )[0]
    ours = sampler.raw_batch([text], size=(width, height), steps=3, seeds=[4], negative="blue")[0]
    assert isinstance(ours, torch.Tensor)
    assert torch.allclose(ours, unpack(theirs, height // 8, width // 8)[0], atol=1e-4)


def test_with_the_greatest_strength_only_the_words_count(sampler: Sampler) -> None:
    size = sampler.base.sizes.by_aspect["1:1"]
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    made = repaint(sampler, "photo of a man", Start(picture, 1.0), steps=2, seeds=[4])
    asked = sampler.raw_batch(["photo of a man"], size=size, steps=2, seeds=[4])
    assert far(sampler.small(made[0]), sampler.small(asked[0])) < 0.5


def test_the_smaller_the_strength_the_nearer_is_the_picture(sampler: Sampler) -> None:
    size = sampler.base.sizes.by_aspect["1:1"]
    start = sampler.sample("photo of a woman, in a park", size=size, steps=2, seed=1)
    each = [
        repaint(sampler, "oil painting of a man, on a beach", Start(start, k), steps=2, seeds=[2])[0]
        for k in (0.2, 0.6, 1.0)
    ]
    distances = [far(sampler.small(one), start) for one in each]
    assert distances == sorted(distances)
    assert distances[0] < distances[2] / 2


def test_a_mask_keeps_the_cells_without_any_painted_pixel() -> None:
    mask = np.zeros((32, 32), bool)
    mask[9, 17] = True  # in cell (1, 2) of 8 x 8 pixels: token (0, 1), lower left
    kept = _kept(mask, 64)
    assert kept.shape == (1, 4, 64)
    assert kept.logical_not().nonzero()[:, 1].unique().tolist() == [1]
    assert kept[0, 1].view(16, 4).logical_not().nonzero()[:, 1].unique().tolist() == [2]


def test_a_repair_changes_no_pixel_outside_of_its_mask(engine: LocalEngine, store: MemoryStore) -> None:
    mask = np.zeros((500, 400), bool)
    mask[200:260, 120:280] = True
    store.write("m.png", mask_png(mask))
    spec = replace(SPEC, mask="m.png", strength=0.9)
    reference = references.read(spec, store, engine.faces)
    assert reference
    start = references.start_of(reference, spec, engine.base)
    sampler = engine.sampler_of((None, None, {}))
    painted = sampler.deliver(repaint(sampler, "photo of a man", start, steps=2, seeds=[4])[0]).picture
    made = references.finished(reference, painted, longest=100)  # a smaller plan shrinks no repaired picture
    assert made.shape == PICTURE.shape
    assert np.array_equal(made[~mask], PICTURE[~mask])
    assert far(made[mask], PICTURE[mask]) > 3


def test_a_part_is_drawn_only_where_the_drawing_goes_on_as_the_picture_does() -> None:
    mask = np.zeros((500, 400), bool)
    mask[200:260, 120:280] = True
    reference = references.Reference(b"", PICTURE, mask)
    inside, outside = PICTURE.copy(), PICTURE.copy()
    inside[mask] = 255 - inside[mask]
    outside[~mask] = 255 - outside[~mask]
    assert references.goes_on(reference, inside)
    assert not references.goes_on(reference, outside)
    assert references.goes_on(replace(reference, mask=np.ones_like(mask)), outside)  # nothing is around it


def test_a_repaired_region_is_signed_as_an_edit(engine: LocalEngine, store: MemoryStore) -> None:
    (made,) = engine.render(replace(SPEC, region="mouth"), store=store)
    found = provenance.verify(made.png, certificates=engine.signer.certificates)
    assert (found.kind, made.width, made.height) == ("edited", 400, 500)
    changed = np.abs(media.to_array(made.png).astype(int) - PICTURE).max(axis=2) > 40
    assert not changed[:200].any()  # the mouth is below


def test_image_to_image_has_the_wanted_shape(engine: LocalEngine, store: MemoryStore) -> None:
    (made,) = engine.render(replace(SPEC, aspect="16:9"), store=store)
    width, height = engine.base.sizes.by_aspect["16:9"]
    assert made.width / made.height == width / height


def test_a_picture_is_enlarged_for_print(engine: LocalEngine, store: MemoryStore) -> None:
    made = engine.enlarge(SPEC, times=2, store=store)
    assert (made.width, made.height) == (800, 1000)
    assert provenance.verify(made.png, certificates=engine.signer.certificates).kind == "edited"


def refused(spec: RenderSpec, store: MemoryStore, engine: LocalEngine) -> str:
    with pytest.raises(MLError) as error:
        next(iter(engine.render(spec, store=store)))
    return error.value.code


def test_what_cannot_be_begun_from_is_refused(
    engine: LocalEngine, store: MemoryStore, detector: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write("small.png", mask_png(np.ones((500, 399), bool)))
    store.write("none.png", mask_png(np.zeros((500, 400), bool)))
    assert refused(replace(SPEC, reference="b.png"), store, engine) == "reference_gone"
    assert refused(replace(SPEC, mask="small.png"), store, engine) == "mask_wrong_size"
    assert refused(replace(SPEC, mask="none.png"), store, engine) == "mask_empty"
    monkeypatch.setattr(engine.faces, "find", lambda picture: list[Face]())
    assert refused(replace(SPEC, region="eyes"), store, engine) == "part_not_found"
    detector.verdict = PictureVerdict(False, 0.9, "nude", "test")
    assert refused(SPEC, store, engine) == "reference_not_allowed"


def test_a_service_refuses_before_it_is_asked(tmp_path, store: MemoryStore) -> None:  # type: ignore[no-untyped-def]
    elsewhere = open_remote("fal", Remote("fal", ("key",)), keys=tmp_path)
    try:
        with pytest.raises(MLError) as error:
            next(iter(elsewhere.render(SPEC, store=store)))
        assert error.value.code == "engine_without_reference"
    finally:
        elsewhere.close()


@pytest.mark.parametrize("size", [(512, 512), (576, 720), (900, 300), (301, 1700)])
def test_a_repair_is_painted_at_a_size_of_the_pictures_shape(size: tuple[int, int]) -> None:
    base = BASES["nano"]
    width, height = references.size_like(base, *size)
    assert width % 16 == height % 16 == 0
    square = base.sizes.by_aspect["1:1"]
    assert 0.7 < width * height / (square[0] * square[1]) < 1.3
    assert abs(np.log(width / height / min(3, max(1 / 3, size[0] / size[1])))) < 0.15
