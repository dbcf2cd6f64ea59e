"""Our Muon takes torch's steps, in the faster type of the machine."""

from __future__ import annotations

import pytest
import torch

from ml.nano import muon


@pytest.mark.parametrize("shape", [(24, 8), (8, 24), (16, 16)])
@pytest.mark.parametrize(("halves", "apart"), [(True, 0.02), (False, 0.06)])
def test_it_takes_the_steps_of_torch(
    shape: tuple[int, int], halves: bool, apart: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(muon, "halves", lambda device: halves)
    draw = torch.Generator().manual_seed(3)
    start = torch.randn(shape, generator=draw)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    optimizers = (
        muon.Muon([ours], lr=0.1, weight_decay=0.01),
        torch.optim.Muon([theirs], lr=0.1, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
    )
    for _ in range(3):
        grad = torch.randn(shape, generator=draw)
        for p, optimizer in zip((ours, theirs), optimizers):
            p.grad = grad.clone()
            optimizer.step()
    moved = (theirs - start).norm()
    assert moved > 0.5
    assert (ours - theirs).norm() / moved < apart


def test_every_singular_value_becomes_about_one() -> None:
    made = muon.orthogonal(torch.diag(torch.tensor([100.0, 3.0, 1.0])))
    assert all(0.5 < value < 1.3 for value in torch.linalg.svdvals(made.float()))
