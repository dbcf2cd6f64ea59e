"""What a memory plan switches on, through the studio: each rung trains and renders, and what cannot fit is told before it is loaded."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from ml.errors import MLError
from ml.local import fitting, lora
from ml.local.bases import BASES, Sizes
from ml.local.flux import load_pipeline
from ml.local.fp8 import Float8Linear
from ml.local.memory import LADDER, ServingPlan, TrainingPlan, plan_training
from ml.local.studio import LocalStudio
from ml.types import Photo, RenderSpec, TrainReport, TrainSpec
from tests.ml import klein
from tests.ml.doubles import CentredFaces, MemoryStore


def studio_of(profile: str, folder: Path, keys: Path) -> LocalStudio:
    """In bfloat16, with small pictures and two buckets."""
    studio = LocalStudio(profile, source=folder, keys=keys, faces=CentredFaces())  # type: ignore[arg-type]
    base = studio.base
    sizes = Sizes(dict.fromkeys(base.sizes.by_aspect, (128, 128)), train=((64, 64), (128, 128)), enlarge=2)
    recipe = replace(base.recipe, checkpoints=2, prompts=2, seeds=1)
    studio.base = replace(base, sizes=sizes, recipe=recipe, tokens=min(base.tokens, 64))
    return studio


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


def trained(studio: LocalStudio, few: list[bytes], store: MemoryStore) -> TrainReport:
    spec = TrainSpec(tuple(Photo(f"p{i}", p) for i, p in enumerate(few)), "woman", steps=4)
    return studio.train(spec, store=store)


@pytest.mark.parametrize("profile", ["flux-schnell", "flux2-klein"])
@pytest.mark.parametrize("rung", range(len(LADDER)))
def test_every_rung_trains_a_twin_that_renders(
    folders: dict[str, Path],
    tmp_path: Path,
    few: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    profile: str,
    rung: int,
) -> None:
    seen: dict[str, Any] = {}

    def planned(free: int, job: Any, sizes: Any, **more: Any) -> TrainingPlan:
        return replace(
            plan_training(free, job, sizes, ladder=(LADDER[rung],)), sizes=tuple(sizes)[: 2 - rung // 3]
        )

    def look(self: Any, *args: Any, **more: Any) -> Any:
        seen["eighths"] = sum(isinstance(m, Float8Linear) for m in self.modules())
        seen["checkpointing"] = self.gradient_checkpointing
        seen.setdefault("tokens", set()).add(more["hidden_states"].shape[1])
        return forward(self, *args, **more)

    monkeypatch.setattr(fitting, "plan_training", planned)
    studio, store = studio_of(profile, folders[profile], tmp_path), MemoryStore()
    kind = type(studio._models()[0].transformer)
    forward = kind.forward
    with monkeypatch.context() as m:
        m.setattr(kind, "forward", look)
        m.setattr(studio, "_samples", lambda *a: ())
        told: list[tuple[str, int]] = []
        report = studio.train(
            TrainSpec(tuple(Photo(f"p{i}", p) for i, p in enumerate(few)), "woman", steps=4),
            store=store,
            on_progress=lambda stage, share: bool(
                told.append((stage, seen.get("eighths", 0), seen.get("checkpointing")))
            ),  # type: ignore[arg-type]
        )
    steps = [(eighths > 0, checkpointing) for stage, eighths, checkpointing in told if stage == "training"]  # type: ignore[misc]
    assert set(steps) == {(rung >= 2, rung >= 1)}
    assert (max(seen["tokens"]) == 64) if rung < 3 else True
    assert "fits: " in report.memory
    made = list(studio.render(RenderSpec("in a park", report.lora, report.sha256), store=store))
    assert made[0].engine == profile
    # What serves is the base in full again.
    assert not any(isinstance(m, Float8Linear) for m in studio._models()[0].transformer.modules())


@pytest.mark.parametrize("profile", ["flux-schnell", "flux2-klein"])
def test_serving_in_less_memory_paints_nearly_the_same(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    def picture(plan: ServingPlan | None) -> Any:
        if plan:
            monkeypatch.setattr(fitting, "plan_serving", lambda *a, **k: plan)
        studio = studio_of(profile, folders[profile], tmp_path)
        pipe, painter, _ = studio._models()
        assert (getattr(pipe, "reader", None) is not None) == bool(plan and plan.text_on_host)
        return painter.paint("photo of a woman", size=(64, 64), steps=2, seed=1).astype(int)

    whole = picture(None)
    assert (
        picture(ServingPlan(False, True, (64, 64), 1, 1)) == whole
    ).all()  # where the text is read changes nothing
    less = picture(ServingPlan(True, True, (64, 64), 1, 1))
    assert 0 < abs(less - whole).mean() < 4


def test_rendering_in_8_bits_is_trained_in_full(schnell: Path, tmp_path: Path, few: list[bytes]) -> None:
    studio, store = studio_of("flux-schnell", schnell, tmp_path), MemoryStore()
    studio.in_8_bits = True
    eighths: dict[str, bool] = {}

    def look(stage: str, share: float) -> bool:
        models = studio._models()[0].transformer.modules()
        eighths[stage] = any(isinstance(m, Float8Linear) for m in models)
        return False

    report = studio.train(
        TrainSpec(tuple(Photo(f"p{i}", p) for i, p in enumerate(few)), "woman", steps=4),
        store=store,
        on_progress=look,
    )
    assert eighths["training"] is False
    list(studio.render(RenderSpec("in a park", report.lora, report.sha256), store=store))
    look("rendering", 1.0)
    assert eighths["rendering"] is True


def test_what_cannot_fit_is_told_before_a_weight_is_read(
    schnell: Path, tmp_path: Path, few: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = studio_of("flux-schnell", schnell, tmp_path)
    monkeypatch.setattr(fitting, "free_bytes", lambda device: 400_000_000)
    monkeypatch.setattr("ml.local.studio.load_pipeline", None)  # would be called, if anything were loaded
    with pytest.raises(MLError, match=r"needs .* GB .*are free") as e:
        list(studio.render(RenderSpec("in a park")))
    assert e.value.code == "does_not_fit"


def test_a_training_that_cannot_fit_leaves_the_studio_as_it_was(
    schnell: Path, tmp_path: Path, few: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, store = studio_of("flux-schnell", schnell, tmp_path), MemoryStore()
    studio._models()
    with monkeypatch.context() as m:
        m.setattr(fitting, "free_bytes", lambda device: 1_000_000)
        with pytest.raises(MLError) as e:
            trained(studio, few, store)
    assert e.value.code == "does_not_fit"
    assert store.files == {}
    assert len(list(studio.render(RenderSpec("in a park", count=2)))) == 2
