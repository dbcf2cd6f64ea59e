"""Memory plans in the engine: each step of the ladder trains and renders, and a base that does not fit is
refused before loading."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from ml.catalogue import BASES, Sizes
from ml.errors import MLError
from ml.local import fitting, lora
from ml.local.engine import LocalEngine
from ml.local.fp8 import Float8Linear
from ml.local.loading import load_pipeline
from ml.local.memory import LADDER, ServingPlan, TrainingPlan, plan_training
from ml.local.training import TwinTraining
from ml.types import Photo, Progress, RenderSpec, TrainReport, TrainSpec, go_on
from tests.ml import klein
from tests.ml.doubles import CentredFaces, MemoryStore


def engine_of(profile: str, folder: Path, keys: Path) -> LocalEngine:
    """In bfloat16, with small pictures and two buckets."""
    engine = LocalEngine(profile, source=folder, keys=keys, faces=CentredFaces())
    base = engine.base
    sizes = Sizes(dict.fromkeys(base.sizes.by_aspect, (128, 128)), train=((64, 64), (128, 128)), enlarge=2)
    recipe = replace(base.recipe, checkpoints=2, prompts=2, seeds=1)
    engine.base = replace(base, sizes=sizes, recipe=recipe, tokens=min(base.tokens, 64))
    return engine


@pytest.fixture(scope="module")
def schnell(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schnell") / "base"
    shutil.copytree(tiny_folder, folder)
    base = replace(BASES["flux-schnell"], source=str(folder))
    shapes = lora.expected_shapes(load_pipeline(base, "cpu").transformer, base)
    save_file({k: torch.full(s, 0.01) for k, s in shapes.items()}, folder / "training_adapter.safetensors")
    return folder


@pytest.fixture(scope="module")
def folders(schnell: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    serve, trained = klein.save(tmp_path_factory.mktemp("klein"))
    shutil.copytree(trained, serve / "undistilled")
    return {"flux-schnell": schnell, "flux2-klein": serve}


def trained(
    engine: LocalEngine, few: list[bytes], store: MemoryStore, on_progress: Progress = go_on
) -> TrainReport:
    spec = TrainSpec(tuple(Photo(f"p{i}", p) for i, p in enumerate(few)), "woman", steps=4)
    return engine.train(spec, store=store, on_progress=on_progress)


def only_rung(rung: int) -> Callable[..., TrainingPlan]:
    """Plans that use only this step of the ladder; the last one also drops the largest bucket."""

    def planned(free: int, load: Any, sizes: Any, **more: Any) -> TrainingPlan:
        plan = plan_training(free, load, sizes, ladder=(LADDER[rung],))
        return replace(plan, sizes=tuple(sizes)[: 2 - rung // 3])

    return planned


class Watch:
    """Observes a transformer in training: its layers in 8 bits, gradient checkpointing, its numbers of
    tokens."""

    def __init__(self, kind: Any):
        self.forward = kind.forward
        self.in_8_bits = self.checkpointing = False
        self.tokens: set[int] = set()
        self.steps: set[tuple[bool, bool]] = set()

    def look(self, net: Any, *args: Any, **more: Any) -> Any:
        self.in_8_bits = any(isinstance(m, Float8Linear) for m in net.modules())
        self.checkpointing = net.gradient_checkpointing
        self.tokens.add(more["hidden_states"].shape[1])
        return self.forward(net, *args, **more)

    def __call__(self, stage: str, share: float) -> bool:
        if stage == "training":
            self.steps.add((self.in_8_bits, self.checkpointing))
        return False


THE_OTHERS = [("flux-schnell", n) for n in (0, 2)] + [("flux2-klein", n) for n in (1, 2, 3)]


@pytest.mark.parametrize(
    "profile, rung",
    [("flux-schnell", 1), *(pytest.param(*each, marks=pytest.mark.thorough) for each in THE_OTHERS)],
)
def test_every_rung_trains_a_twin_that_renders(
    folders: dict[str, Path],
    tmp_path: Path,
    few: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    profile: str,
    rung: int,
) -> None:
    monkeypatch.setattr(fitting, "plan_training", only_rung(rung))
    engine, store = engine_of(profile, folders[profile], tmp_path), MemoryStore()
    kind = type(engine.models()[0].transformer)
    watch = Watch(kind)
    with monkeypatch.context() as m:
        m.setattr(kind, "forward", lambda net, *args, **more: watch.look(net, *args, **more))
        m.setattr(TwinTraining, "_samples", lambda *a: ())
        report = trained(engine, few, store, watch)
    assert watch.steps == {(rung >= 2, rung >= 1)}
    assert max(watch.tokens) == 64 or rung == 3
    assert "fits: " in report.memory
    made = list(engine.render(RenderSpec("in a park", report.lora, report.sha256), store=store))
    assert made[0].engine == profile
    if profile == "flux-schnell":  # it has a training adapter, which is off now
        assert engine.models()[0].transformer.active_adapters() == ["twin"]
    # Serving uses the base in full precision again.
    assert not any(isinstance(m, Float8Linear) for m in engine.models()[0].transformer.modules())


@pytest.mark.parametrize("profile", [pytest.param("flux-schnell", marks=pytest.mark.thorough), "flux2-klein"])
def test_serving_in_less_memory_renders_nearly_the_same(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    def picture(plan: ServingPlan | None) -> Any:
        if plan:
            monkeypatch.setattr(fitting, "plan_serving", lambda *a, **k: plan)
        engine = engine_of(profile, folders[profile], tmp_path)
        pipe, sampler, _ = engine.models()
        assert (getattr(pipe, "reader", None) is not None) == bool(plan and plan.text_on_host)
        return sampler.sample("photo of a woman", size=(64, 64), steps=2, seed=1).astype(int)

    whole = picture(None)
    assert (
        picture(ServingPlan(False, True, (64, 64), 1, 1)) == whole
    ).all()  # the text encoders' device changes nothing
    less = picture(ServingPlan(True, True, (64, 64), 1, 1))
    assert 0 < abs(less - whole).mean() < 4


@pytest.mark.thorough
def test_rendering_in_8_bits_is_trained_in_full(schnell: Path, tmp_path: Path, few: list[bytes]) -> None:
    engine, store = engine_of("flux-schnell", schnell, tmp_path), MemoryStore()
    engine.in_8_bits = True
    in_8_bits: dict[str, bool] = {}

    def look(stage: str, share: float) -> bool:
        models = engine.models()[0].transformer.modules()
        in_8_bits[stage] = any(isinstance(m, Float8Linear) for m in models)
        return False

    report = trained(engine, few, store, look)
    assert in_8_bits["training"] is False
    list(engine.render(RenderSpec("in a park", report.lora, report.sha256), store=store))
    look("rendering", 1.0)
    assert in_8_bits["rendering"] is True


def test_what_cannot_fit_is_told_before_a_weight_is_read(
    schnell: Path, tmp_path: Path, few: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of("flux-schnell", schnell, tmp_path)
    monkeypatch.setattr(fitting, "free_bytes", lambda device: 400_000_000)
    monkeypatch.setattr("ml.local.engine.load_pipeline", None)  # loading would call it and fail
    with pytest.raises(MLError, match=r"needs .* GB .*are free") as e:
        list(engine.render(RenderSpec("in a park")))
    assert e.value.code == "does_not_fit"


def test_a_training_that_cannot_fit_leaves_the_engine_as_it_was(
    schnell: Path, tmp_path: Path, few: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, store = engine_of("flux-schnell", schnell, tmp_path), MemoryStore()
    engine.models()
    with monkeypatch.context() as m:
        m.setattr(fitting, "free_bytes", lambda device: 1_000_000)
        with pytest.raises(MLError) as e:
            trained(engine, few, store)
    assert e.value.code == "does_not_fit"
    assert store.files == {}
    assert len(list(engine.render(RenderSpec("in a park", count=2)))) == 2
