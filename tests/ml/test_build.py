"""Building the nano base: stages stop cleanly and resume, and one command builds it from scratch."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ml.catalogue import base_of
from ml.local.files import find
from ml.nano import build, data
from ml.nano.presets import PRESETS
from ml.nano.stage import Clock, Stage
from ml.nano.steps import Steps
from ml.sizes import SIZES


def model() -> torch.nn.Module:
    torch.manual_seed(3)
    return torch.nn.Linear(4, 2)


def loss_of(net: torch.nn.Module) -> object:
    def loss(step: int) -> torch.Tensor:
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        return (net(x) - x[:, :2]).pow(2).mean()

    return loss


class After(Clock):
    """A clock that is over after `looks` calls of over()."""

    def __init__(self, looks: int):
        super().__init__(None)
        self.looks = looks

    def over(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def test_a_stage_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole = model()
    assert Stage(tmp_path / "a.pt", whole, rate=0.01, total=30).run(loss_of(whole), Clock(None))  # type: ignore[arg-type]
    net = model()
    assert not Stage(tmp_path / "b.pt", net, rate=0.01, total=30).run(loss_of(net), After(11))  # type: ignore[arg-type]
    again = model()
    stage = Stage(tmp_path / "b.pt", again, rate=0.01, total=30)
    assert stage.step == 11
    assert stage.run(loss_of(again), Clock(None))  # type: ignore[arg-type]
    assert torch.equal(whole.weight, again.weight)
    assert torch.equal(
        stage.load_mean().weight, Stage(tmp_path / "a.pt", whole, rate=0.01, total=30).load_mean().weight
    )


def test_a_stage_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    net = model()
    Stage(tmp_path / "a.pt", net, rate=0.01, total=5).run(loss_of(net), Clock(None))  # type: ignore[arg-type]
    asked = []
    assert Stage(tmp_path / "a.pt", net, rate=0.01, total=5).run(lambda s: asked.append(s), Clock(None))  # type: ignore
    assert asked == []


def test_a_stage_that_must_fit_takes_the_steps_there_is_time_for(tmp_path: Path) -> None:
    class Spent(Clock):
        def left(self) -> float:
            return 0.0

    net = model()
    stage = Stage(tmp_path / "a.pt", net, rate=0.01, total=10_000, fit=True)
    assert stage.run(loss_of(net), Spent(None))  # type: ignore[arg-type]
    assert stage.step == stage.total == 400  # the steps needed to measure the time per step
    assert stage.pace() == 0  # the rate has fallen
    assert Stage(tmp_path / "a.pt", model(), rate=0.01, total=10_000, fit=True).done
    assert not Stage(tmp_path / "a.pt", model(), rate=0.01, total=10_000).done


def test_the_minutes_running_out_draws_nothing_more(tmp_path: Path) -> None:
    assert not data.draw_all(tmp_path, data.PART, 128, After(0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pixels", list(SIZES))
def test_every_size_can_be_packed(pixels: int) -> None:
    for w, h in SIZES[pixels].values():
        assert w % 16 == h % 16 == 0
        assert abs(w * h / pixels**2 - 1) < 0.36


def test_a_batch_is_made_from_its_number_alone(pair: tuple[Any, Any]) -> None:
    from ml.nano.flow import Batches

    numbers = {0: np.arange(40), 1: np.arange(40, 60)}
    one, two = Batches(numbers, pair, 8, seed=1), Batches(numbers, pair, 8, seed=1)
    for step in (9, 0, 7):
        a, b = one[step], two[step]
        assert a[0] == b[0]
        assert all(torch.equal(x, y) for x, y in zip(a[1:], b[1:]))


def steps(work: Path, out: Path, clock: Clock, start: Path | None = None) -> Steps:
    return Steps(work, out, out, PRESETS["tiny"], clock, "cpu", start)


@pytest.mark.thorough
@pytest.mark.train
def test_one_command_builds_it_from_nothing_and_betters_it(tmp_path: Path) -> None:
    work, out = tmp_path / "work", tmp_path / "out"
    nets = out / "nets"
    nets.mkdir(parents=True)
    assert not build.build(steps(work, out, After(4)))  # stops after drawing the pictures
    assert data.drawn(work / "pictures", PRESETS["tiny"].pictures)
    assert not (work / "latents.pt").exists()
    (nets / "faces.safetensors").write_bytes(
        b"of another build"
    )  # files of an earlier build must not affect a stage
    command = f"--preset tiny --work {work} --out {out} --minutes 9 --fit"
    assert build.main(command.split()) == 0  # runs the remaining stages in parallel
    assert find(base_of("nano", out)) == out
    assert {p.name for p in nets.iterdir()} == {"faces.safetensors", "reader.safetensors"}
    (work / "flow.pt").unlink()
    better = tmp_path / "better"
    better.mkdir()
    assert build.build(steps(work, better, Clock(None), start=out))
    assert (better / "model_index.json").is_file()


@pytest.mark.thorough  # of the nets that only a new base needs
def test_evening_out_changes_the_latents_and_not_the_pictures() -> None:
    """The channels' variances become nearly equal, and the decoded picture stays the same."""
    from ml.nano import vae

    torch.manual_seed(0)
    codec = vae.new_vae((8, 8, 16, 16)).eval()
    x = torch.rand(4, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        codec.encoder.conv_out.weight[:16] *= torch.logspace(-1, 1, 16)[:, None, None, None]
        before, first = codec.encode(x).latent_dist.mode(), copy.deepcopy(codec.decoder.conv_in)
        turn, middle = vae.evening(before.transpose(0, 1).flatten(1))
        vae.even_out(codec, turn, middle)
        after = codec.encode(x).latent_dist.mode()
    wanted = torch.einsum("ij,njhw->nihw", turn, before - middle[:, None, None])
    torch.testing.assert_close(after, wanted, rtol=1e-3, atol=1e-3)
    inner = (
        slice(None),
        slice(None),
        slice(1, -1),
        slice(1, -1),
    )  # without the border: its zero padding now means another colour
    torch.testing.assert_close(
        codec.decoder.conv_in(after)[inner], first(before)[inner], rtol=1e-3, atol=1e-3
    )
    widths = [
        torch.linalg.eigvalsh(torch.cov(z.transpose(0, 1).flatten(1))).clamp(min=0).sqrt()
        for z in (before, after)
    ]
    assert widths[1].max() / widths[1].min() < (widths[0].max() / widths[0].min()) ** 0.25
    assert after.std() == pytest.approx(1, abs=0.05)


def test_the_loss_looks_at_the_face() -> None:
    from ml.nano.data import FACE, face_map, sample

    weights = face_map(np.arange(6), 32, 32)
    assert weights.mean((1, 2)).tolist() == pytest.approx([1.0] * 6, abs=1e-5)
    for n, w in enumerate(weights):
        scene = sample(n)[1]
        x, y = round(16 * (1 + scene.dx)), round(16 * (1 + scene.dy - 0.06 + 0.25 * scene.size))
        assert w[y, x] == w.max()
        assert w.max() / w[0, 0] == pytest.approx(FACE, rel=1e-3)


def test_attention_by_its_formula_is_attention(tiny_folder: Path) -> None:
    from ml.catalogue import base_of
    from ml.local.attention import short_attention
    from ml.local.latents import image_ids
    from ml.local.loading import load_pipeline

    transformer = load_pipeline(base_of("nano", tiny_folder), "cpu").transformer
    g = torch.Generator().manual_seed(0)
    given = {
        "hidden_states": torch.randn(2, 16, 64, generator=g),
        "timestep": torch.tensor([0.2, 0.9]),
        "encoder_hidden_states": torch.randn(2, 7, 32, generator=g),
        "pooled_projections": torch.randn(2, 32, generator=g),
        "txt_ids": torch.zeros(7, 3),
        "img_ids": image_ids(8, 8, "cpu"),
        "return_dict": False,
    }
    before = [type(p) for p in transformer.attn_processors.values()]
    plain = transformer(**given)[0]
    with short_attention(transformer, "cpu"):
        torch.testing.assert_close(transformer(**given)[0], plain, rtol=1e-4, atol=1e-5)
    assert [type(p) for p in transformer.attn_processors.values()] == before


@pytest.mark.thorough
def test_words_keep_their_numbers_when_a_build_goes_on(tmp_path: Path) -> None:
    """Training a tokenizer again numbers its words differently, and text encoders depend on the numbers."""
    texts = [data.words(i, 0) for i in range(40)]
    first, again = (steps(tmp_path, tmp_path, Clock(None)).tokenizers() for _ in range(2))
    other = steps(tmp_path / "other", tmp_path, Clock(None), tmp_path / "tokenizers").tokenizers()
    for pair in (again, other):
        for mine, theirs in zip(first, pair, strict=True):
            assert mine(texts).input_ids == theirs(texts).input_ids


@pytest.mark.thorough
@pytest.mark.train
def test_the_way_out_learns_faces_once_more_and_latents_stay(tmp_path: Path) -> None:
    from ml.nano import vae, vae_training
    from ml.nets.embedder import Embedder

    torch.set_num_threads(1)
    torch.manual_seed(0)
    pictures = np.stack([data.picture(n) for n in range(40) if data.sample(n)[2] == 0][:8])
    numbers = np.array([n for n in range(40) if data.sample(n)[2] == 0][:8])
    (tmp_path / "pictures").mkdir()
    np.savez(data.part_file(tmp_path / "pictures", 0), b0=pictures, i0=numbers)
    codec = vae.new_vae((8, 8, 16, 16))
    before = copy.deepcopy(codec)
    x = vae.to_range(pictures, "cpu")
    who = Embedder((8, 8, 8, 8), 16).eval().requires_grad_(False)
    made = vae_training.train_decoder(
        codec, who, tmp_path, Clock(None), last=8, steps=30, batch=4, device="cpu"
    )
    weight = data.face_map(numbers, 128, 128)[:, None] ** 2
    with torch.no_grad():
        latents = [c.encode(x).latent_dist.mode() for c in (before, made)]
        errors = [((c.decode(z).sample - x).abs() * weight).mean() for c, z in zip((before, made), latents)]
    torch.testing.assert_close(
        *latents, rtol=1e-4, atol=1e-4
    )  # the memory format differs, and so do the last bits
    assert errors[1] < 0.8 * errors[0]


def test_heads_are_cut_out_of_drawings_as_the_embedder_has_them() -> None:
    from ml.drawn import solid
    from ml.nano import vae, vae_training
    from ml.nets import alignment

    wide = next(n for n in range(200) if data.BUCKETS[data.sample(n)[2]] == "16:9")
    square = next(n for n in range(200) if data.sample(n)[2] == 0)
    for number in (square, wide):
        scene = data.sample(number)[1]
        picture = data.picture(number)
        half, centre = min(picture.shape[:2]) / 2, np.array(picture.shape[1::-1]) / 2
        eyes = centre + half * np.array([scene.dx, scene.dy - 0.06])
        mouth = eyes + [0, half * scene.size * solid.MOUTH_Y]
        wanted = alignment.align(picture, eyes, mouth)
        found = vae_training.heads(vae.to_range(picture[None], "cpu"), np.array([number]))[0]
        apart = np.abs((found.permute(1, 2, 0).numpy() + 1) * 127.5 - wanted.astype(np.float32))
        assert apart.mean() < 2
