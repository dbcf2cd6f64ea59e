"""AdamW with averages in 8 bits: close to exact AdamW, unbiased, and the same after a checkpoint."""

from __future__ import annotations

import torch

from ml.local.optim import BLOCK, AdamW, AdamW8


def params(seed: int = 0) -> list[torch.nn.Parameter]:
    g = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(torch.randn(*shape, generator=g)) for shape in ((16, 100), (300, 16), (7,))]


def run(
    kind: type, steps: int, mine: list[torch.nn.Parameter], opt: AdamW | AdamW8 | None = None, at: int = 0
) -> AdamW | AdamW8:
    """Least squares towards fixed targets, with gradient noise seeded by the step."""
    opt = opt or kind(mine, 0.02)
    for step in range(at, steps):
        g = torch.Generator().manual_seed(100 + step)
        loss = sum(((p - 0.3) * (1 + 0.5 * torch.randn(p.shape, generator=g))).pow(2).sum() for p in mine)
        loss.backward()
        opt.step()
        opt.zero_grad()
    return opt


def test_eight_bits_learn_what_thirty_two_learn() -> None:
    exact, short = params(), params()
    run(AdamW, 150, exact)
    run(AdamW8, 150, short)
    start = params()
    for a, b, s in zip(exact, short, start):
        way = (a - s).norm()
        assert way > 1
        assert (a - b).norm() < 0.05 * way
        assert (b - 0.3).norm() < 0.3 * (s - 0.3).norm()


def test_the_second_average_follows_when_gradients_get_small() -> None:
    """Rounded to the nearest code it would not move; stochastic rounding is right on average."""
    one = [torch.nn.Parameter(torch.zeros(4 * BLOCK))]
    opt, exact = AdamW8(one, 0.0), torch.zeros(4 * BLOCK)
    g = torch.Generator().manual_seed(0)
    for step in range(300):
        grad = torch.randn(4 * BLOCK, generator=g) * (1.0 if step < 100 else 0.1)
        assert one[0].grad is not None
        one[0].grad.copy_(grad)
        exact = 0.99 * exact + 0.01 * grad**2
        opt.step()
        opt.zero_grad()
    here = slice(0, 4 * BLOCK), slice(0, 4)
    found = opt._read(1, *here).flatten()
    assert abs(found.mean() / exact.mean() - 1) < 0.05
    assert (found > 0).all()


def test_it_takes_a_quarter_of_the_memory() -> None:
    mine = [torch.nn.Parameter(torch.zeros(1000, 256))]
    opt = AdamW8(mine, 0.1)
    assert sum(t.nbytes for t in opt.tensors().values()) / mine[0].numel() < 2.04


def test_going_on_from_a_checkpoint_is_never_having_stopped() -> None:
    whole, cut = params(), params()
    run(AdamW8, 30, whole)
    first = run(AdamW8, 17, cut)
    later = [torch.nn.Parameter(p.detach().clone()) for p in cut]
    opt = AdamW8(later, 0.02)
    opt.load({k: v.clone() for k, v in first.tensors().items()}, 17)
    run(AdamW8, 30, later, opt, at=17)
    assert all(torch.equal(a, b) for a, b in zip(whole, later))


def test_without_gradients_nothing_becomes_a_strange_number() -> None:
    mine = [torch.nn.Parameter(torch.ones(10))]
    opt = AdamW8(mine, 0.1)
    opt.step()
    assert torch.isfinite(mine[0]).all()
