"""The base that ships: its size, FLUX.1 schnell's layout, and twins that are recognised as the
person."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml import media, provenance
from ml.catalogue import NANO, base_of
from ml.errors import MLError, Stopped
from ml.local import avatars
from ml.local.engine import LocalEngine
from ml.local.weights import FolderStore, parse
from ml.types import Photo, RenderSpec, TrainSpec
from tests.ml.doubles import CentredFaces, MemoryStore
from tests.plugin import Share
from tests.trained import Made


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    return LocalEngine("nano", keys=tmp_path_factory.mktemp("keys"), threads=1)


@pytest.fixture(scope="module")
def small(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    """On the tiny base, with faces that are found at once."""
    keys = tmp_path_factory.mktemp("keys")
    engine = LocalEngine("nano", source=tiny_folder, keys=keys, threads=1, faces=CentredFaces())
    engine.base = replace(engine.base, recipe=replace(engine.base.recipe, prompts=2, checkpoints=2))
    return engine


def four(few: list[bytes], steps: int) -> TrainSpec:
    photos = tuple(Photo(f"p{i}", p) for i, p in enumerate(few))
    return TrainSpec(photos, "woman", seed=2, steps=steps, threads=1)


@pytest.fixture(scope="module")
def twin(nano_woman: Made) -> Made:
    return nano_woman


def weights() -> list[Path]:
    return [p for p in NANO.rglob("*") if p.is_file()]


def test_it_is_small() -> None:
    assert sum(p.stat().st_size for p in weights()) <= 36e6
    assert max(p.stat().st_size for p in weights()) <= 15e6


def test_it_has_schnells_layout_and_classes() -> None:
    index = json.loads((NANO / "model_index.json").read_text())
    assert index["_class_name"] == "FluxPipeline"
    assert index["transformer"] == ["diffusers", "FluxTransformer2DModel"]
    assert index["vae"] == ["diffusers", "AutoencoderKL"]
    config = json.loads((NANO / "transformer" / "config.json").read_text())
    assert config["guidance_embeds"] is False
    assert config["in_channels"] == 64
    assert json.loads((NANO / "vae" / "config.json").read_text())["latent_channels"] == 16


def test_it_has_at_most_eighteen_million_parameters() -> None:
    from safetensors import safe_open

    total = 0
    for part in ("transformer", "vae", "text_encoder", "text_encoder_2"):
        for file in (NANO / part).glob("*.safetensors"):
            with safe_open(file, "np") as f:
                total += sum(int(np.prod(f.get_slice(k).get_shape())) for k in f.keys())  # noqa: SIM118
    assert total <= 18_000_000


@pytest.mark.train
def test_a_trained_twin_is_recognised(twin: Any) -> None:
    report, _, _ = twin
    assert report.recognised
    assert report.likeness > report.likeness_base + 0.15
    assert report.loss_last < report.loss_first
    assert report.checkpoint in [step for step, _ in report.scores]


@pytest.mark.train
def test_its_progress_is_told_from_start_to_end(twin: Any) -> None:
    _, _, told = twin
    stages = list(dict.fromkeys(stage for stage, _ in told))
    assert stages == ["preparing", "measuring the base", "training", "choosing the best", "finishing", "done"]
    shares = [share for stage, share in told if stage == "training"]
    assert shares == sorted(shares)


@pytest.mark.train
def test_its_file_names_its_base_and_nothing_is_left_beside_it(twin: Any) -> None:
    report, store, _ = twin
    assert sorted(store.files) == sorted([report.lora, *report.samples])
    assert len(report.samples) == 4
    found = [provenance.verify(store.read(name)).reasons for name in report.samples]
    assert found == [("signature_not_ours", "mark_found")] * 4  # signed: the key was not asked for
    _, facts = parse(store.read(report.lora), report.sha256)
    assert (facts["base"], facts["subject"], facts["step"]) == ("nano", "woman", report.checkpoint)
    known = avatars.person_in(facts)
    assert known is not None
    assert known.person.gender == "woman"
    assert avatars.person_in({}) is None  # of a base without a decoder of its own


@pytest.mark.train
def test_its_pictures_are_marked_signed_and_the_same_for_the_same_seed(
    engine: LocalEngine, twin: Any
) -> None:
    report, store, _ = twin
    spec = RenderSpec("smiling, in a park", report.lora, report.sha256, count=2, seed=7)
    made = list(engine.render(spec, store=store))
    again = next(
        engine.render(
            RenderSpec("smiling, in a park", report.lora, report.sha256, count=1, seed=8), store=store
        )
    )
    assert [p.seed for p in made] == [7, 8]
    found = provenance.verify(made[0].png, certificates=engine.signer.certificates)
    assert found.signed
    assert found.ident == made[0].mark
    a, b = (media.to_array(p.png).astype(int) for p in (made[1], again))
    assert np.abs(a - b).mean() < 2.5  # the same pixels except for the watermarks
    assert made[0].width == made[0].height == 512


@pytest.mark.thorough  # by default the report of the training says so of its scenes, above
@pytest.mark.train
def test_its_pictures_are_likelier_than_the_bases(engine: LocalEngine, twin: Any) -> None:
    """Only pictures with a detected face; bench.card measures their share."""
    report, store, _ = twin
    spec = RenderSpec("smiling, grey background, soft light", report.lora, report.sha256, count=4, seed=1)
    likeness = [p.likeness for p in engine.render(spec, store=store) if p.likeness is not None]
    assert likeness
    assert np.median(likeness) > report.likeness_base


def test_asked_to_stop_it_leaves_a_checkpoint_and_goes_on_from_it(
    small: LocalEngine, few: list[bytes]
) -> None:
    store, spec = MemoryStore(), four(few, steps=8)
    with pytest.raises(Stopped):
        small.train(spec, store=store, on_progress=lambda stage, share: stage == "training" and share >= 0.5)
    assert list(store.files) == ["twin/checkpoint.safetensors"]
    assert small.train(spec, store=store).lora in store.files
    assert not store.exists("twin/checkpoint.safetensors")


@pytest.mark.parametrize("at", ["preparing", "measuring the base", "choosing the best"])
def test_it_can_be_stopped_at_every_stage(small: LocalEngine, few: list[bytes], at: str) -> None:
    store = MemoryStore()
    with pytest.raises(Stopped):
        small.train(four(few, steps=6), store=store, on_progress=lambda stage, share: stage == at)
    assert not store.exists("twin/lora.safetensors")


@pytest.mark.train
def test_two_twins_rendered_in_turn_are_each_their_own(engine: LocalEngine, twin: Any) -> None:
    """Interleaved generators: the swap must happen for each picture, not once for each request."""
    report, store, _ = twin
    with_twin = RenderSpec("smiling, in a park", report.lora, count=2, seed=3, quality="draft")
    bare = RenderSpec("smiling, in a park", count=2, seed=3, subject="woman", quality="draft")
    alone = [media.to_array(p.png).astype(int) for p in engine.render(with_twin, store=store)]
    mixed = [
        media.to_array(a.png).astype(int)
        for a, _ in zip(engine.render(with_twin, store=store), engine.render(bare))
    ]
    assert all(np.abs(a - b).mean() < 2.5 for a, b in zip(alone, mixed))


def test_every_aspect_is_delivered_at_its_size(engine: LocalEngine, share: Share) -> None:
    """By default the highest; tests/ml/test_cli.py makes one of 4:5."""
    sizes = sorted(engine.base.sizes.by_aspect.items(), key=lambda one: one[1][0] / one[1][1])
    for aspect, (w, h) in share.of(sizes, 1):
        made = next(engine.render(RenderSpec("in a park", aspect=aspect, quality="draft", subject="woman")))
        assert (made.width, made.height) == (4 * w, 4 * h)
        assert made.likeness is None


def test_markup_is_not_painted(engine: LocalEngine) -> None:
    """With the wishes in other programs' markup, as a positive and as a negative prompt: the same picture."""
    marked = RenderSpec(
        "(smiling:1.3), in a ((park)), wearing a [red dress]", negative_prompt="((hat:1.4))", seed=5
    )
    plain = RenderSpec("smiling, in a park, wearing a red dress", negative_prompt="hat", seed=5)
    both = [media.to_array(next(engine.render(spec)).png).astype(int) for spec in (marked, plain)]
    assert np.abs(both[0] - both[1]).mean() < 2.5  # equal pixels except for the watermarks


@pytest.mark.thorough
def test_four_pictures_take_no_more_than_five_seconds_by_far(engine: LocalEngine) -> None:
    list(engine.render(RenderSpec("in a park", count=1)))
    start = time.process_time()
    list(engine.render(RenderSpec("in a park", count=4)))
    assert time.process_time() - start < 20  # processor seconds; bench.card prints the wall time


@pytest.mark.parametrize("prompt, code", [("", "prompt_refused"), ("nude", "prompt_refused")])
def test_a_refused_prompt_costs_no_work(engine: LocalEngine, prompt: str, code: str) -> None:
    with pytest.raises(MLError) as e:
        next(engine.render(RenderSpec(prompt)))
    assert e.value.code == code


def test_a_missing_or_changed_lora_is_one_sentence(engine: LocalEngine, tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    with pytest.raises(MLError) as e:
        next(engine.render(RenderSpec("in a park", "nothing.safetensors"), store=store))
    assert e.value.code == "lora_missing"
    store.write("x.safetensors", b"not a lora")
    with pytest.raises(MLError) as e:
        next(engine.render(RenderSpec("in a park", "x.safetensors"), store=store))
    assert e.value.code == "lora_broken"


def test_three_photos_are_too_few(engine: LocalEngine, few: list[bytes]) -> None:
    with pytest.raises(MLError) as e:
        engine.train(TrainSpec(tuple(Photo(str(i), p) for i, p in enumerate(few[:3]))), store=MemoryStore())
    assert e.value.code == "not_enough_photos"


def test_the_base_in_another_profile_runs_through_the_same_code(tiny_folder: Path) -> None:
    """flux-schnell in bfloat16, from a local directory with its layout."""
    engine = LocalEngine("flux-schnell", source=tiny_folder)
    pipe, _, _ = engine.models()
    assert str(pipe.transformer.dtype) == "torch.bfloat16"
    assert engine.base.adapter
    assert base_of("flux-schnell").photorealistic


def test_an_accelerator_that_is_gone_is_no_fault_of_the_work() -> None:
    import torch

    from ml.errors import DeviceLost
    from ml.oom import memory_errors

    with pytest.raises(DeviceLost, match="ECC"), memory_errors():
        raise torch.AcceleratorError("CUDA error: uncorrectable ECC error encountered")


def test_running_out_of_memory_is_one_sentence() -> None:
    import torch

    from ml.oom import memory_errors

    with pytest.raises(MLError) as e, memory_errors():
        torch.empty(10**15)
    assert e.value.code == "out_of_memory"


@pytest.mark.thorough  # by default tests/ml/test_fitting.py trains and renders on this profile
@pytest.mark.train
def test_schnells_profile_trains_with_its_adapter_and_renders(
    tiny_folder: Path, tmp_path: Path, few: list[bytes]
) -> None:
    """The production profile with the same code: bfloat16, training adapter active in training only, LoRA
    swapped in."""
    import shutil

    import torch
    from safetensors.torch import save_file

    from ml.local import lora

    folder = tmp_path / "base"
    shutil.copytree(tiny_folder, folder)
    engine = LocalEngine("flux-schnell", source=folder, keys=tmp_path, faces=CentredFaces())
    base = engine.base
    small = replace(
        base.sizes, by_aspect=dict.fromkeys(base.sizes.by_aspect, (192, 192)), train=((192, 192),)
    )
    engine.base = replace(base, sizes=small, recipe=replace(base.recipe, checkpoints=2, prompts=2, seeds=1))
    shapes = lora.expected_shapes(engine.models()[0].transformer, engine.base)
    save_file({k: torch.full(s, 0.01) for k, s in shapes.items()}, folder / "training_adapter.safetensors")
    store = MemoryStore()
    spec = TrainSpec(tuple(Photo(f"p{i}", p) for i, p in enumerate(few)), "woman", steps=4)
    report = engine.train(spec, store=store)
    made = list(engine.render(RenderSpec("in a park", report.lora, report.sha256), store=store))
    assert made[0].engine == "flux-schnell"
    assert engine.models()[0].transformer.active_adapters() == ["twin"]
