"""Making the base: stages stop cleanly and go on, and the same command builds it from nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ml.local.bases import base_of, find
from ml.nano import build, data
from ml.nano.sizes import SIZES
from ml.nano.stage import Clock, Stage


def model() -> torch.nn.Module:
    torch.manual_seed(3)
    return torch.nn.Linear(4, 2)


def loss_of(net: torch.nn.Module) -> object:
    def loss(step: int) -> torch.Tensor:
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        return (net(x) - x[:, :2]).pow(2).mean()

    return loss


class After(Clock):
    """A clock that is over after so many looks."""

    def __init__(self, looks: int):
        super().__init__(None)
        self.left = looks

    def over(self) -> bool:
        self.left -= 1
        return self.left < 0


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


def test_the_minutes_running_out_draws_nothing_more(tmp_path: Path) -> None:
    assert not data.draw_all(tmp_path, data.PART, 128, After(0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pixels", list(SIZES))
def test_every_size_can_be_packed(pixels: int) -> None:
    for w, h in SIZES[pixels].values():
        assert w % 16 == h % 16 == 0
        assert abs(w * h / pixels**2 - 1) < 0.36


def test_a_batch_is_made_from_its_number_alone() -> None:
    from ml.nano.flow import Batches

    pair = build.tokenizers()
    numbers = {0: np.arange(40), 1: np.arange(40, 60)}
    one, two = Batches(numbers, pair, 8, seed=1), Batches(numbers, pair, 8, seed=1)
    for step in (9, 0, 7):
        a, b = one[step], two[step]
        assert a[0] == b[0]
        assert all(torch.equal(x, y) for x, y in zip(a[1:], b[1:]))


@pytest.mark.train
def test_one_command_builds_it_from_nothing_and_betters_it(tmp_path: Path) -> None:
    tiny, work, out = build.PRESETS["tiny"], tmp_path / "work", tmp_path / "out"
    out.mkdir()
    assert not build.build(work, out, tiny, After(2), "cpu")  # the pictures are drawn, then it stops
    assert build.build(work, out, tiny, Clock(None), "cpu")
    assert find(base_of("nano", out)) == out
    assert {p.name for p in out.glob("*.safetensors")} == {"faces.safetensors", "reader.safetensors"}
    (work / "flow.pt").unlink()
    better = tmp_path / "better"
    better.mkdir()
    assert build.build(work, better, tiny, Clock(None), "cpu", start=out)
    assert (better / "model_index.json").is_file()
