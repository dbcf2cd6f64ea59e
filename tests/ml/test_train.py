"""The trainer: it learns, it stops cleanly, and a resumed training equals an uninterrupted one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ml import selection
from ml.catalogue import Base
from ml.errors import MLError, Stopped
from ml.local import dataset, lora
from ml.local.families import encode_text, family_of
from ml.local.sample import Sampler
from ml.local.times import draw_times
from ml.local.train import TrainingState, identity_of, steps_for, train
from ml.local.weights import FolderStore
from ml.nets.scales import DRAWN, SCALES
from ml.types import Face, Photo, TrainSpec
from tests.ml.doubles import CentredFaces, MemoryStore

SPEC = TrainSpec((), seed=4, threads=1)


def never(stage: str, share: float) -> bool:
    return False


@pytest.fixture
def quick(tiny: Base) -> Base:
    return replace(tiny, recipe=replace(tiny.recipe, batch=2, zooms=(0.9,), rate=2e-3))


def examples(pipe: Any, base: Base, few: list[bytes], count: int = 3) -> list[dataset.Example]:
    some = tuple(Photo(f"p{i}", p) for i, p in enumerate(few[:count]))
    return dataset.build(pipe, base, CentredFaces(), some, "woman", dataset.plain_caption)


def trained(
    pipe: Any,
    base: Base,
    ex: list[dataset.Example],
    steps: int,
    store: Any,
    on_progress: Any = never,
    spec: TrainSpec = SPEC,
) -> TrainingState:
    torch.set_num_threads(1)
    run = TrainingState.start(pipe.transformer, base, spec.seed)
    if store.exists("twin/checkpoint.safetensors"):
        assert run.restore(store.read("twin/checkpoint.safetensors"), identity_of(spec, base, steps))
    try:
        train(run, base, ex, encode_text(pipe, base, ""), spec, steps, store, on_progress)
    finally:
        lora.remove(pipe.transformer)
    return run


def test_the_loss_falls(pipe: Any, quick: Base, few: list[bytes]) -> None:
    run = trained(pipe, quick, examples(pipe, quick, few, 1), 60, MemoryStore())
    assert np.mean(run.losses[-15:]) < 0.9 * np.mean(run.losses[:15])


def test_going_on_after_a_stop_gives_the_same_weights(pipe: Any, quick: Base, few: list[bytes]) -> None:
    ex = examples(pipe, quick, few)
    whole = trained(pipe, quick, ex, 12, MemoryStore())
    store = MemoryStore()
    with pytest.raises(Stopped):
        trained(pipe, quick, ex, 12, store, lambda stage, share: share >= 5 / 12)
    later = trained(pipe, quick, ex, 12, store)
    assert later.losses == whole.losses
    assert all(torch.equal(a, b) for a, b in zip(whole.params, later.params))
    assert all(torch.equal(a, b) for a, b in zip(whole.mean, later.mean))
    assert whole.kept.keys() == later.kept.keys()


def test_a_look_at_a_checkpoint_changes_no_weight(pipe: Any, quick: Base, few: list[bytes]) -> None:
    ex, empty = examples(pipe, quick, few), encode_text(pipe, quick, "")
    plain = trained(pipe, quick, ex, 12, MemoryStore())
    run = TrainingState.start(pipe.transformer, quick, SPEC.seed)
    seen: list[bool] = []

    def look() -> None:
        kept = run.kept[run.step]
        with run.showing(kept):
            seen.append(all(torch.equal(a, b) for a, b in zip(run.shown, kept)))
            Sampler(pipe, quick).sample("a woman", size=quick.sizes.by_aspect["1:1"], steps=1, seed=1)

    try:
        train(run, quick, ex, empty, SPEC, 12, MemoryStore(), never, look)
    finally:
        lora.remove(pipe.transformer)
    assert seen == [True] * quick.recipe.checkpoints
    assert run.losses == plain.losses
    assert all(torch.equal(a, b) for a, b in zip(run.params, plain.params))


def test_a_rollout_starts_where_the_twin_s_own_step_led(pipe: Any, quick: Base, few: list[bytes]) -> None:
    """Each step runs the model twice: without gradient for a sampling step, then at the smaller t (at least
    half) to learn."""
    base = replace(quick, recipe=replace(quick.recipe, rollout=1.0, prior=0.0))
    seen: list[tuple[bool, torch.Tensor, torch.Tensor]] = []
    hook = pipe.transformer.register_forward_pre_hook(
        lambda net, args, asked: seen.append(
            (torch.is_grad_enabled(), asked["timestep"], asked["hidden_states"])
        ),
        with_kwargs=True,
    )
    trained(pipe, base, examples(pipe, quick, few, 1), 4, MemoryStore())
    hook.remove()
    assert [taught for taught, *_ in seen] == [False, True] * 4
    for (_, before, noisy), (_, after, nearer) in zip(seen[::2], seen[1::2]):
        assert torch.all(after < before)
        assert torch.all(after >= before / 2)
        assert not torch.equal(noisy, nearer)


def test_a_checkpoint_says_which_precision_it_was_trained_in(
    pipe: Any, quick: Base, few: list[bytes]
) -> None:
    """Timing chooses the faster precision, and may choose differently the next time. A training keeps its
    first precision."""
    run = trained(pipe, quick, examples(pipe, quick, few, 1), 1, MemoryStore())
    here = run.halves
    run.halves = not here
    data = run.dump({})
    run.halves = here
    assert run.restore(data, {})
    assert run.halves is not here


def test_buckets_small_ones_first_and_the_largest_last(pipe: Any, quick: Base, few: list[bytes]) -> None:
    """A photo is used in every bucket that barely enlarges it; all examples of a step have one size."""
    sizes = ((64, 64), (96, 96), (128, 128), (4096, 4096))
    base = replace(
        quick, sizes=replace(quick.sizes, train=sizes), recipe=replace(quick.recipe, large=0.5, rollout=0.0)
    )
    ex = examples(pipe, base, few, 2)
    assert [e.size for e in ex] == [*sizes[:3], *sizes[:3]]
    assert [e.latents.shape[1] for e in ex[:3]] == [16, 36, 64]
    seen: list[int] = []
    hook = pipe.transformer.register_forward_pre_hook(
        lambda net, args, asked: seen.append(asked["hidden_states"].shape[1]), with_kwargs=True
    )
    trained(pipe, base, ex, 16, MemoryStore())
    hook.remove()
    assert set(seen[:8]) == {16, 36}
    assert set(seen[8:]) == {64}


@pytest.mark.parametrize("kind", ["mixed", "sigmoid", "shifted", "uniform"])
def test_times_are_drawn_as_said(kind: str) -> None:
    t = draw_times(20_000, torch.Generator().manual_seed(0), kind)
    assert 0 <= t.min() <= t.max() <= 1
    middle = {
        "mixed": (0.50, 0.62),
        "sigmoid": (0.49, 0.51),
        "shifted": (0.74, 0.76),
        "uniform": (0.49, 0.51),
    }[kind]
    assert middle[0] < t.median() < middle[1]
    assert ((t == 1).float().mean() > 0.08) == (kind == "mixed")
    assert ((t < 0.05).float().mean() > 0.04) == (kind == "uniform")


@pytest.mark.thorough  # no base of the catalogue uses it
def test_prior_preservation_keeps_what_the_class_word_makes(pipe: Any, quick: Base, few: list[bytes]) -> None:
    """With prior preservation, the answer to the caption without the trigger changes less."""
    text = encode_text(pipe, quick, "photo of a woman")

    def moved(share: float) -> float:
        base = replace(quick, recipe=replace(quick.recipe, prior=share, dropout=0.0))
        ex = examples(pipe, base, few, 2)
        t, size = torch.tensor([0.6]), ex[0].size
        with torch.no_grad():
            before = family_of(base).velocity(pipe.transformer, ex[0].latents, t, text, size)
            run = trained_and_loaded(pipe, base, ex)
            after = family_of(base).velocity(pipe.transformer, ex[0].latents, t, text, size)
            lora.remove(pipe.transformer)
        assert run.step == 60
        return float((after - before).pow(2).mean())

    assert moved(0.5) < 0.8 * moved(0.0)


def trained_and_loaded(pipe: Any, base: Base, ex: list[dataset.Example]) -> TrainingState:
    with torch.enable_grad():
        run = TrainingState.start(pipe.transformer, base, SPEC.seed)
        train(run, base, ex, encode_text(pipe, base, ""), SPEC, 60, MemoryStore(), never)
    return run


def test_the_seed_decides(pipe: Any, quick: Base, few: list[bytes]) -> None:
    ex = examples(pipe, quick, few)
    a, b = trained(pipe, quick, ex, 3, MemoryStore()), trained(pipe, quick, ex, 3, MemoryStore())
    other = trained(pipe, quick, ex, 3, MemoryStore(), spec=replace(SPEC, seed=5))
    assert a.losses == b.losses != other.losses


def test_a_checkpoint_of_another_training_is_not_gone_on_from(
    pipe: Any, quick: Base, few: list[bytes]
) -> None:
    store = MemoryStore()
    with pytest.raises(Stopped):
        trained(pipe, quick, examples(pipe, quick, few), 6, store, lambda stage, share: True)
    run = TrainingState.start(pipe.transformer, quick, 4)
    assert not run.restore(
        store.read("twin/checkpoint.safetensors"), identity_of(replace(SPEC, seed=9), quick, 6)
    )
    assert run.step == 0


def test_the_face_weighs_more_than_what_is_around_it(pipe: Any, quick: Base, few: list[bytes]) -> None:
    weight = examples(pipe, quick, few, 1)[0].weight.view(8, 8)
    assert weight.mean() == pytest.approx(1, abs=1e-4)
    assert weight[3, 4] > 2.5 * weight[7, 0]


def test_a_crop_holds_the_face_upright_in_the_upper_middle() -> None:
    picture = np.zeros((600, 400, 3), np.uint8)
    face = CentredFaces().find(picture)[0]
    crop, mask = dataset.crop_around(picture, face, (96, 128), 1.0)
    assert crop.shape == (128, 96, 3)
    ys, xs = np.nonzero(mask > 0.9)
    assert abs(xs.mean() - 48) < 4
    assert 44 < ys.mean() < 66


def test_a_tilted_head_is_levelled_where_the_base_knows_level_heads_only() -> None:
    picture, tilt = np.zeros((600, 600, 3), np.uint8), np.radians(20)
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    points = [tuple(300 + turn @ np.array(p)) for p in ((-40, -30), (40, -30), (0, 5), (-30, 45), (30, 45))]
    for x, y in points[:2]:
        picture[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5] = 255
    face = Face((220.0, 190.0, 380.0, 400.0), 1.0, tuple((float(x), float(y)) for x, y in points))
    for upright in (True, False):
        crop, _ = dataset.crop_around(picture, face, (128, 128), 0.9, upright=upright)
        rows = [np.nonzero(half[..., 0] > 100)[0].mean() for half in (crop[:, :64], crop[:, 64:])]
        assert (abs(rows[0] - rows[1]) < 1.5) == upright


def test_a_caption_says_where_a_turned_face_looks() -> None:
    def face(nose: float) -> Face:
        return Face(
            (0.0, 0.0, 100.0, 120.0),
            1.0,
            ((30.0, 40.0), (70.0, 40.0), (nose, 62.0), (35.0, 80.0), (65.0, 80.0)),
        )

    assert [dataset.looking(face(x)) for x in (50.0, 60.0, 40.0)] == ["", ", looking right", ", looking left"]


def test_steps_follow_the_photos_within_limits(tiny: Base) -> None:
    assert steps_for(tiny, 1) == tiny.recipe.steps_least
    assert steps_for(tiny, 1000) == tiny.recipe.steps_most


def test_held_out_photos_are_never_trained_on() -> None:
    for count in range(4, 26):
        kept, out = selection.split(count, 0.2, seed=3)
        assert len(out) >= 2
        assert len(kept) >= 2
        assert sorted(kept + out) == list(range(count))


def scorer_of(held_out: np.ndarray, trained: np.ndarray) -> selection.Measure:
    judge = selection.Measure.__new__(selection.Measure)
    judge.known, judge.scale = selection.Known(DRAWN, held_out, trained), SCALES[DRAWN]
    judge.real = 0.9
    return judge


def test_copying_a_training_photo_costs_score() -> None:
    trained = np.array([[1.0, 0.6, 0.0], [1.0, -0.6, 0.0]])
    judge = scorer_of(np.array([[1.0, 0.0, 0.6]]), trained)
    honest, copied = np.array([[1.0, 0.0, 0.0]]), trained[:1]
    assert judge.score(honest) == pytest.approx(judge.scale.middle - judge.distance(honest))
    assert judge.score(copied) < judge.scale.middle - judge.distance(copied)


def test_likeness_is_at_most_that_of_the_persons_own_photos() -> None:
    held_out = np.array([[1.0, 0.0, 0.6]])
    assert scorer_of(held_out, held_out).likeness(held_out) == 0.9
    assert scorer_of(held_out, held_out).likeness(np.zeros((0, 3))) == 0.0


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    """In a process that cannot write files over 1,000 bytes, as on a disk that fills up."""
    code = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
from pathlib import Path
from ml.errors import MLError
from ml.local.weights import FolderStore
store = FolderStore(Path({str(tmp_path)!r}))
store.write("a", b"x" * 900)
try:
    store.write("a", b"y" * 5000)
except MLError as e:
    print(e.code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "storage_full"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert FolderStore(tmp_path).read("a") == b"x" * 900


def test_a_training_adapter_works_along_in_training_only(pipe: Any, quick: Base) -> None:
    from safetensors.torch import save_file

    from ml.local.files import find

    shapes = lora.expected_shapes(pipe.transformer, quick)
    g = torch.Generator().manual_seed(1)
    file = find(quick) / "training_adapter.safetensors"
    save_file({k: 0.2 * torch.randn(s, generator=g) for k, s in shapes.items()}, file)
    try:
        assert lora.add_training_adapter(pipe.transformer, replace(quick, adapter="nobody/nothing"))
    finally:
        file.unlink()
    params = lora.add(pipe.transformer, quick, 0)
    lora.use(pipe.transformer, training=True)
    assert set(pipe.transformer.active_adapters()) == {"twin", "training_adapter"}
    assert {id(p) for p in pipe.transformer.parameters() if p.requires_grad} == {id(p) for p in params}
    lora.use(pipe.transformer, training=False)
    assert pipe.transformer.active_adapters() == ["twin"]


def test_a_missing_training_adapter_is_one_sentence(pipe: Any, quick: Base) -> None:
    with pytest.raises(MLError) as e:
        lora.add_training_adapter(pipe.transformer, replace(quick, adapter="nobody/nothing"))
    assert e.value.code == "base_missing"
