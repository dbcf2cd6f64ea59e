"""The base's own decoder: it reads a drawing's values out of latents, and the drawing program delivers the
picture where it agrees with the VAE's."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ml import media
from ml.catalogue import NANO, Base, base_of
from ml.drawn.drawing import from_facts
from ml.drawn.people import Person
from ml.drawn.portraits import draw
from ml.drawn.values import CHOICES, LENGTHS, NUMBERS, drawing_of, values_of
from ml.errors import MLError
from ml.local.animating import is_of
from ml.local.engine import LocalEngine
from ml.local.loading import load_pipeline
from ml.local.sample import Sampler
from ml.nano import decoder_training as training
from ml.nano.pairs import OWN, make_pairs, posed, small
from ml.nano.presets import PRESETS
from ml.nano.stage import Clock
from ml.nano.steps import Steps
from ml.nano.vae import to_range
from ml.nets import decoder as own
from ml.nets.alignment import WEIGHTS as FACES
from ml.nets.decoder import Decoder, ReadingNet, laid_out
from ml.nets.embedders import DrawnEmbedder
from ml.nets.redrawing import KnownPerson, Redrawing, with_value
from ml.types import RenderSpec
from tests.ml.test_build import After
from tests.plugin import Share

ASKED: dict[str, Any] = {"size": (128, 128), "steps": 2}
SMALL = (8, 8, 8), 16  # widths of a small net


def new_net(seed: int = 5) -> ReadingNet:
    torch.manual_seed(seed)
    return ReadingNet(18, *SMALL)


@pytest.fixture
def base(tiny_folder: Path, tmp_path: Path) -> Base:
    """A base with a decoder of its own that has learnt nothing."""
    folder = tmp_path / "base"
    shutil.copytree(tiny_folder, folder)
    own.save(new_net(), folder)
    return base_of("nano", folder)


@pytest.fixture(scope="module")
def shipped() -> Sampler:
    base = base_of("nano")
    return Sampler(load_pipeline(base, "cpu"), base)


@pytest.mark.parametrize("number", [0, 3, 4, 9])
def test_a_drawing_is_what_its_values_say(number: int) -> None:
    person, scene, _ = posed(number)
    numbers, places = (np.nan_to_num(np.array(v)) for v in values_of(person, scene))
    again = drawing_of(numbers, places.clip(0), scene.arrangement)
    assert np.array_equal(draw(*again, 96, 80), draw(person, scene, 96, 80))


def test_what_a_drawing_does_not_show_is_not_learnt() -> None:
    person, scene, _ = posed(0)
    scene = replace(scene, background="park", hat="none")
    numbers, places = values_of(replace(person, mole=None), scene)
    assert np.isnan(numbers[list(NUMBERS).index("mole_x")])
    assert [name for name, at in zip(CHOICES, places) if at < 0] == ["backdrop", "hat_colour"]
    asked = torch.tensor([numbers]), torch.tensor([places])
    found = torch.zeros(1, len(numbers)), torch.zeros(1, sum(LENGTHS))
    before = training.loss_of(found, *asked)
    found[0][0, list(NUMBERS).index("mole_x")] = 9.0
    assert torch.equal(training.loss_of(found, *asked), before)
    assert before.isfinite()


def test_it_has_at_most_eight_million_parameters() -> None:
    assert sum(p.numel() for p in ReadingNet().parameters()) < 8e6


def test_latents_lie_in_the_middle_beside_their_places() -> None:
    found = laid_out(torch.full((1, 16, 18, 10), 2.0), 18)[0]
    assert found.shape == (19, 18, 18)
    assert (found[:17, :, 4:14].mean((1, 2)) == torch.tensor([2.0] * 16 + [1.0])).all()
    assert (found[:, :, :4] == 0).all()
    x, y = found[17], found[18]
    assert (x[0, 4], x[0, 13]) == (-0.9, 0.9)  # half frames: the short side is from -1 to 1
    assert (y[0, 4], y[17, 4]) == (-1.7, 1.7)


@torch.no_grad()
def test_it_reads_what_a_drawings_latents_show(shipped: Sampler, share: Share) -> None:
    assert shipped.decoder is not None
    right = []
    for n in range(900_000, 900_000 + share.number(6, 3)):
        person, scene, _ = posed(n)
        x = to_range(draw(person, scene, 128, 128)[None], "cpu")
        z = shipped.pipe.vae.encode(x).latent_dist.mode()[0]
        seen, where = shipped.decoder.read(z, shipped.small(z)).drawing()
        right += [seen.gender == person.gender, where.background == scene.background]
        right += [where.expression == scene.expression, abs(seen.skin - person.skin) < 0.2]
    assert np.mean(right) >= 0.85


def test_where_the_net_is_not_sure_small_drawings_decide() -> None:
    person, scene, _ = posed(0)
    scene = replace(scene, background="studio", backdrop="red", hat="none", style="photorealistic")
    numbers, places = (np.nan_to_num(np.array(v)) for v in values_of(person, scene))
    shares = [np.eye(n)[int(at)] for n, at in zip(LENGTHS, places.clip(0))]
    at = list(CHOICES).index("backdrop")
    shares[at] = np.eye(10)[1] * 0.6 + np.eye(10)[0] * 0.4  # more likely blue
    numbers[list(NUMBERS).index("skin")] = 0.9
    reading = Redrawing(numbers, shares, scene.arrangement, draw(person, scene, 128, 128))
    before = reading.apart
    reading.match_colours()
    seen, where = reading.drawing()
    assert where.backdrop == "red"
    assert abs(seen.skin - person.skin) < 0.16
    assert reading.apart < before


def test_the_drawing_looks_like_the_same_person_to_the_embedder() -> None:
    person, scene, _ = posed(2)
    scene = replace(scene, style="photorealistic", hat="none", glasses="none", yaw=0.0)
    numbers, places = (np.nan_to_num(np.array(v)) for v in values_of(person, scene))
    wrong = with_value(numbers, list(NUMBERS).index("age"), -numbers[list(NUMBERS).index("age")])
    places = places.clip(0).astype(int)
    at = list(CHOICES).index("eyes")
    shares = [np.eye(n)[value] for n, value in zip(LENGTHS, places)]
    shares[at] = np.full(6, 1 / 6)
    reading = Redrawing(wrong, shares, scene.arrangement, draw(person, scene, 128, 128))
    look = DrawnEmbedder().look
    goal = look([reading._head(reading.small, numbers, places)])[0]
    before = look([reading._drawn_head(reading.numbers, reading.places)])[0] @ goal
    reading.match_person(look)
    assert look([reading._drawn_head(reading.numbers, reading.places)])[0] @ goal > before
    assert reading.places[at] == places[at]


def test_a_known_person_is_drawn_as_known_but_for_what_the_prompt_changes() -> None:
    person, scene, _ = posed(0)
    known = replace(
        person, eyes="green", skin=0.9, chroma=0.3, hair="bob", hair_colour="purple", beard="none"
    )
    numbers, places = (np.nan_to_num(np.array(v)) for v in values_of(known, scene))
    shares = [np.eye(n)[int(at)] for n, at in zip(LENGTHS, places.clip(0))]
    colour, cut, eyes = (list(CHOICES).index(name) for name in ("hair_colour", "hair", "eyes"))
    shares[colour], shares[cut], shares[eyes] = np.eye(10)[1], np.eye(13)[0], np.eye(6)[0]  # brown, bald
    numbers[list(NUMBERS).index("skin")] = -1
    small = draw(known, scene, 128, 128)

    def drawn(known: KnownPerson, asked: dict[str, str]) -> Person:
        reading = Redrawing(numbers, shares, 0, small, known, asked)
        reading.match_colours()
        return reading.drawing()[0]

    assert drawn(KnownPerson(known), {}) == known
    assert drawn(KnownPerson(known, eyes=False), {}) == replace(known, eyes=CHOICES["eyes"][0])
    asked = {"hair": "long", "eyes": "blue", "expression": "laughing"}
    assert drawn(KnownPerson(known, eyes=False), asked) == replace(known, hair="long", eyes="blue")


def test_the_prompt_decides_where_the_net_wavers() -> None:
    person, scene, _ = posed(0)
    twin = replace(person, hair_colour="purple")
    numbers, places = (np.nan_to_num(np.array(v)) for v in values_of(twin, scene))
    shares = [np.eye(n)[int(at)] for n, at in zip(LENGTHS, places.clip(0))]
    smile, hat, hair = (list(CHOICES).index(name) for name in ("expression", "hat", "hair_colour"))
    shares[smile] = np.array([0, 0.9, 0.1, 0])  # smiling rather than laughing
    shares[hat] = np.array([0.999, 0.001, 0, 0])  # surely none
    shares[hair] = 0.1 * np.eye(10)[4] + 0.9 * shares[hair]  # rather purple than blonde
    asked = {"expression": "laughing", "hat": "cap", "hair_colour": "blonde"}
    small = draw(twin, scene, 128, 128)
    reading = Redrawing(numbers, shares, 0, small, KnownPerson(twin), asked)
    made, seen = reading.drawing()
    assert (made.hair_colour, seen.expression, seen.hat) == ("blonde", "laughing", "none")
    made, seen = Redrawing(numbers, shares, 0, small, KnownPerson(twin)).drawing()
    assert (made.hair_colour, seen.expression) == ("purple", "smiling")


@torch.no_grad()
@pytest.mark.parametrize("chroma", [1.0, 0.6], ids=["usual skin", "pale skin"])
def test_what_many_drawings_show_of_one_person_is_read_together(shipped: Sampler, chroma: float) -> None:
    assert shipped.decoder is not None
    person = replace(posed(900_003)[0], chroma=chroma)
    scenes = [replace(posed(n)[1], style="photorealistic", hat="none") for n in range(900_010, 900_016)]
    x = to_range(np.stack([draw(person, scene, 128, 128) for scene in scenes]), "cpu")
    found = shipped.decoder.person_of(list(shipped.pipe.vae.encode(x).latent_dist.mode()))
    seen = (found.gender, found.hair, found.hair_colour)
    assert seen == (person.gender, person.hair, person.hair_colour)
    assert abs(found.skin - person.skin) < 0.1
    assert found.chroma == 1 if chroma == 1 else found.chroma < own.USUAL


def test_the_base_that_ships_delivers_drawings(shipped: Sampler, share: Share) -> None:
    seeds = [1, 2][: share.number(2, 1)]
    prompts = ["a smiling woman in a park"] * len(seeds)
    raws = shipped.raw_batch(prompts, size=(128, 128), steps=6, seeds=seeds)
    for raw in raws:
        assert isinstance(raw, torch.Tensor)
        assert shipped.decoder is not None
        reading = shipped.decoder.read(raw, shipped.small(raw))
        made = shipped.deliver(raw)
        assert np.array_equal(made.picture, draw(*reading.drawing(), 512, 512))
        assert made.drawing == reading.drawing()
        assert reading.apart <= own.BEGUN_AGREES
        assert np.array_equal(shipped.exact(raw), shipped.enlarge(shipped.small(raw)))


def test_what_a_picture_is_a_drawing_of_is_told_with_it(tmp_path: Path) -> None:
    engine = LocalEngine("nano", keys=tmp_path, threads=1)
    (made,) = engine.render(RenderSpec("a man in a park", subject="man", quality="draft", seed=3))
    assert made.drawing is not None
    drawing = from_facts(json.loads(json.dumps(made.drawing)))
    assert drawing is not None
    assert is_of(drawing, media.to_array(made.png))


def test_latents_of_no_drawing_are_delivered_by_the_vae(shipped: Sampler, share: Share) -> None:
    for raw in torch.randn(share.number(3, 1), 16, 16, 16, generator=torch.Generator().manual_seed(1)):
        assert np.array_equal(shipped.deliver(raw).picture, shipped.exact(raw))


def test_what_began_from_another_picture_has_to_agree_more(shipped: Sampler) -> None:
    z = shipped.raw_batch(["a woman"], size=(128, 128), steps=2, seeds=[1])[0]
    assert shipped.decoder is not None
    assert isinstance(z, torch.Tensor)
    small = shipped.small(z)
    apart = shipped.decoder.read(z, small).apart
    decoder = replace(shipped.decoder, agrees=apart, begun_agrees=apart - 0.01)
    assert decoder.drawing(z, small) is not None
    assert decoder.drawing(z, small, begun=True) is None


def test_without_a_twin_nobody_looks_who_is_seen(shipped: Sampler) -> None:
    z, asked = torch.zeros(16, 16, 16), []
    assert shipped.decoder is not None
    small = shipped.small(z)

    def look(heads: list[np.ndarray]) -> np.ndarray:
        asked.append(heads)
        return np.ones((len(heads), 1), np.float32)

    decoder = replace(shipped.decoder, look=look)
    decoder.read(z, small, somebody=False)
    assert not asked
    decoder.read(z, small)
    assert asked


def always_drawn(sampler: Sampler) -> Sampler:
    """What has learnt nothing agrees with nothing."""
    assert sampler.decoder is not None
    sampler.decoder = replace(sampler.decoder, agrees=1.0)
    return sampler


def test_every_shape_is_drawn_at_its_size(base: Base, share: Share) -> None:
    sampler = always_drawn(Sampler(load_pipeline(base, "cpu"), base))
    for width, height in share.of(sorted(set(base.sizes.by_aspect.values())), 2):
        made = sampler.delivered("smiling", size=(width, height), steps=1, seed=3)
        assert made.shape == (4 * height, 4 * width, 3)


def test_the_engine_delivers_its_pictures(base: Base, tmp_path: Path) -> None:
    def made(source: str) -> np.ndarray:
        engine = LocalEngine("nano", source=source, keys=tmp_path / "keys", threads=1)
        sampler = engine.models()[1]
        if sampler.decoder:
            always_drawn(sampler)
        raw = engine._sample(
            sampler, RenderSpec("in a park", steps=1), "photo of a woman, in a park", [4], None
        )[0]
        return sampler.deliver(raw).picture

    with_it = made(base.source)
    (Path(base.source) / own.FILE).unlink()
    without = made(base.source)
    assert with_it.shape == without.shape == (512, 512, 3)
    assert not np.array_equal(with_it, without)


def test_one_of_another_version_vae_or_size_is_not_used(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, sizes = Path(base.source), base.sizes
    assert own.load(folder, sizes) is not None
    with monkeypatch.context() as later:
        later.setattr(own, "VERSION", own.VERSION + 1)
        assert own.load(folder, sizes) is None
        assert load_pipeline(base, "cpu").own_decoder is None
    assert own.load(folder, replace(sizes, by_aspect={"1:1": (192, 192)})) is None
    shutil.copy(NANO / "vae" / "diffusion_pytorch_model.safetensors", folder / "vae")
    assert own.load(folder, sizes) is None


@pytest.mark.parametrize("kept", [4, 4000])
def test_a_damaged_one_is_told(base: Base, kept: int) -> None:
    file = Path(base.source) / own.FILE
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(MLError) as e:
        load_pipeline(base, "cpu")
    assert e.value.code == "base_broken"


@pytest.mark.thorough  # of the nets that only a new base needs
def test_latents_after_the_bases_own_steps_still_are_of_their_drawing(tmp_path: Path) -> None:
    base, numbers = base_of("nano"), range(OWN, OWN + 3)
    pipe = load_pipeline(base, "cpu")
    assert make_pairs(tmp_path, pipe, base, numbers, Clock(None))
    with np.load(tmp_path / f"part-{OWN:06d}.npz") as part:
        found = {int(n): z for key in part if key[0] == "i" for n, z in zip(part[key], part[f"z{key[1:]}"])}
    for n, z in found.items():
        drawn = pipe.vae.encode(to_range(small(n, base)[None], "cpu")).latent_dist.mode()[0]
        assert np.corrcoef(z.ravel(), drawn.ravel())[0, 1] > 0.5
    assert sorted(found) == list(numbers)
    assert not make_pairs(tmp_path, pipe, base, range(100, 102), After(0))


def trained(path: Path, clock: Clock) -> ReadingNet | None:
    rng = np.random.default_rng(2)
    pairs = {0: (np.arange(4), rng.standard_normal((4, 16, 16, 16)).astype(np.float16))}
    return training.train_own_decoder(path, new_net(), pairs, clock, steps=4, batch=2, device="cpu")


@pytest.mark.thorough  # by default tests/ml/test_nano.py stops a training and goes on
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole = trained(tmp_path / "a.pt", Clock(None))
    assert trained(tmp_path / "b.pt", After(3)) is None
    again = trained(tmp_path / "b.pt", Clock(None))
    assert whole is not None
    assert again is not None
    assert all(torch.equal(p, again.state_dict()[n]) for n, p in whole.state_dict().items())
    assert not torch.equal(whole.numbers.weight, new_net().numbers.weight)


@pytest.mark.thorough  # of the nets that only a new base needs
def test_the_stage_gives_the_base_its_decoder(tiny_folder: Path, tmp_path: Path) -> None:
    folder, work = tmp_path / "base", tmp_path / "work"
    shutil.copytree(tiny_folder, folder)
    assert Steps(work, folder, FACES.parent, PRESETS["tiny"], Clock(None), "cpu").own_decoder()
    found = own.load(folder, base_of("nano", folder).sizes)
    assert isinstance(found, Decoder)
    assert json.loads((folder / "nano.json").read_text())["pixels"] == 128
