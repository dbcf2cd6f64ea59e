"""The critic of the flow's training: its labels, its answers, and that only the guess gets
gradients."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.drawn.people import Scene, random_person
from ml.nano import critic
from ml.nano.data import sample
from ml.nano.stage import Clock

NAMES = list(critic.FIELDS)


def asked(**scene: object) -> dict[str, int]:
    person = replace(random_person(np.random.default_rng(0)), hair="bob", hair_colour="red", skin=0.99)
    return dict(zip(NAMES, critic.labels(person, replace(Scene(), **scene)), strict=True))  # type: ignore[arg-type]


def test_it_is_asked_what_the_picture_shows() -> None:
    seen = asked(expression="laughing", yaw=-15.0)
    assert critic.FIELDS["expression"][seen["expression"]] == "laughing"
    assert critic.FIELDS["turn"][seen["turn"]] == "left"
    assert critic.FIELDS["hair"][seen["hair"]] == "bob"
    assert seen["skin"] == critic.SKINS - 1


def test_it_is_not_asked_what_the_picture_hides() -> None:
    assert asked(hat="cap")["hair"] == -1
    assert asked(style="noir")["hair_colour"] == -1
    assert asked(background="beach")["backdrop"] == -1


def test_each_answer_counts_and_hidden_ones_do_not() -> None:
    wanted = critic.all_labels(np.arange(4))
    sure = torch.cat(
        [torch.nn.functional.one_hot(w.clamp(min=0), n) * 50.0 for w, n in zip(wanted.T, critic.COUNTS)], 1
    )
    assert critic.answers(sure, wanted).max() < 1e-3
    guesses = critic.answers(torch.zeros_like(sure), wanted)
    known = torch.stack([(w >= 0) * np.log(n) for w, n in zip(wanted.T, critic.COUNTS)]).sum(0)
    torch.testing.assert_close(guesses, known.float())


@pytest.mark.thorough  # of the nets that only a new base needs
def test_it_learns_from_drawn_latents(tmp_path: Path) -> None:
    """Latents of flat colour by background, which a few steps can learn to classify."""
    torch.set_num_threads(1)
    numbers = np.arange(64)
    field = NAMES.index("background")
    wanted = critic.all_labels(numbers)[:, field]
    z = torch.zeros(64, 16, 8, 8)
    z[torch.arange(64), wanted] = 3.0
    net = critic.train_critic(tmp_path, {0: (numbers, z)}, Clock(None), steps=40, batch=16, device="cpu")
    assert net is not None
    assert not any(p.requires_grad for p in net.parameters())
    logits, _ = net(z, torch.zeros(64))
    read = logits.split(critic.COUNTS, 1)[field].argmax(1)
    assert (read == wanted).float().mean() > 0.8


@pytest.mark.parametrize("size", [(16, 16), (18, 14), (10, 18)])
def test_the_guess_is_taught_and_the_truth_is_not(size: tuple[int, int]) -> None:
    net, g = critic.Critic().eval().requires_grad_(False), torch.Generator().manual_seed(0)
    true = torch.randn(3, 16, *size, generator=g).requires_grad_()
    guess = torch.randn(3, 16, *size, generator=g).requires_grad_()
    apart, wrong = critic.distance(net, guess, true, critic.all_labels(np.arange(3)), g)
    assert apart.shape == wrong.shape == (3,)
    (apart.sum() + wrong.sum()).backward()
    assert true.grad is None
    assert guess.grad is not None
    assert guess.grad.abs().sum() > 0


def test_a_true_guess_is_no_distance_away() -> None:
    net, g = critic.Critic().eval(), torch.Generator().manual_seed(0)
    true = torch.randn(3, 16, 16, 16, generator=g)
    apart, _ = critic.distance(net, true.clone(), true, critic.all_labels(np.arange(3)), g)
    assert apart.max() < 1e-6


def test_framed_heads_are_where_a_portraitist_puts_them_and_turned_ones_are_said() -> None:
    from ml.drawn.captions import caption
    from ml.drawn.people import TURNED

    rng = np.random.default_rng(5)
    for number in range(300):
        person, scene, _ = sample(number)
        assert abs(scene.dx) <= 0.02
        assert max(abs(scene.roll), abs(scene.pitch)) <= 4
        assert not 8 < abs(scene.yaw) < TURNED + 2
        text = caption(scene, rng, person=person)
        side = "looking right" if scene.yaw > 0 else "looking left"
        assert (side in text) == (abs(scene.yaw) > TURNED)
