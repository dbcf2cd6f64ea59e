"""The critic: a net that classifies noisy latents and so measures the error of a predicted
picture.

Flow matching weighs all latents equally: a smile is three of sixty-four tokens and a hundredth of the loss,
so a small base learns it last. The critic is trained on drawn latents to classify them, and then frozen. Its
loss teaches the flow what captions mean. Its input is the flow's predicted picture with new noise: the noise
destroys tiny adversarial patterns. It gives two measures, as in "Diffusion model with perceptual loss" (Lin
and Yang, 2024) and in classifier guidance: the distance of its features from those of the true picture, and
the cross entropy of its answers against the picture's labels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ml.drawn import people
from ml.drawn.people import TURNED, Person, Scene
from ml.local.precision import mixed
from ml.nano import reader_training
from ml.nano.data import choose_bucket, sample
from ml.nano.stage import Clock, Stage
from ml.nets import reader
from ml.nets.blocks import ResidualBlock

NOISE = 0.6  # largest share of added noise
SKINS = 5
FIELDS: dict[str, tuple[str, ...]] = {
    **reader.FIELDS,
    "turn": ("front", "left", "right"),
    "gender": ("woman", "man"),
    "hair": people.HAIR_STYLES,
    "hair_colour": tuple(people.HAIR_COLOURS),
    "beard": people.BEARDS,
    "skin": tuple(map(str, range(SKINS))),
}
# The fields that identify a person.
WHO = [list(FIELDS).index(f) for f in ("gender", "hair", "hair_colour", "beard", "skin")]
COUNTS = [len(names) for names in FIELDS.values()]


class Critic(nn.Module):
    """Noisy latents x (B, 16, h, w), share of noise s (B,) -> logits of all fields (concatenated), features
    at three depths."""

    def __init__(self, widths: tuple[int, int, int] = (64, 96, 160)):
        super().__init__()
        a, b, c = widths
        self.depths = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(i, o, 3, stride=k, padding=1), nn.BatchNorm2d(o), nn.PReLU(o), ResidualBlock(o)
            )
            for i, o, k in ((17, a, 1), (a, b, 2), (b, c, 2))
        )
        self.head = nn.Linear(c * 16, sum(COUNTS))

    def forward(self, x: torch.Tensor, s: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        x = torch.cat([x, s[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)
        features = []
        for depth in self.depths:
            x = depth(x)
            features.append(x)
        return self.head(F.adaptive_avg_pool2d(x, 4).flatten(1)).float(), features


def labels(person: Person, scene: Scene) -> list[int]:
    """The class of each field; -1 where the picture does not show it."""
    turn = 0 if abs(scene.yaw) <= TURNED else 1 if scene.yaw < 0 else 2
    hair = people.HAIR_STYLES.index(person.hair) if scene.hat == "none" else -1
    colour = (
        -1
        if person.hair == "bald" or scene.style in ("vintage", "noir")
        else list(people.HAIR_COLOURS).index(person.hair_colour)
    )
    return [
        *reader_training.labels(scene),
        turn,
        ("woman", "man").index(person.gender),
        hair,
        colour,
        people.BEARDS.index(person.beard),
        min(int(person.skin * SKINS), SKINS - 1),
    ]


def all_labels(numbers: np.ndarray) -> torch.Tensor:
    """(N, fields): the labels of the drawn pictures `numbers`."""
    return torch.tensor([labels(*sample(int(n))[:2]) for n in numbers])


def answers(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """(B,) cross entropy, summed over the fields with a label."""
    parts = zip(logits.split(COUNTS, 1), wanted.T, strict=True)
    return torch.stack([F.cross_entropy(p, w, ignore_index=-1, reduction="none") for p, w in parts]).sum(0)


def add_noise(z: torch.Tensor, noise: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    """Latents (B, 16, h, w) with the share s (B,) of noise."""
    return z + s[:, None, None, None] * (noise - z)


def train_critic(
    work: Path,
    cached: dict[int, tuple[np.ndarray, torch.Tensor]],
    clock: Clock,
    *,
    steps: int,
    batch: int,
    device: str,
    seed: int = 3,
) -> Critic | None:
    """Trains on cached latents; half of them are slightly blurred, like the flow's predictions.

    Returns None when the clock stopped it before the end.
    """
    torch.manual_seed(seed)
    net = Critic().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    stage = Stage(
        work / "critic.pt", net, rate=2e-3, total=steps, decay=0.99, weight_decay=0.05, cooldown=0.6
    )
    wanted = {b: all_labels(numbers) for b, (numbers, _) in cached.items()}

    def loss_of(step: int) -> torch.Tensor:
        rng = np.random.default_rng([seed, step])
        g = torch.Generator(device).manual_seed(seed * 1_000_003 + step)
        bucket = choose_bucket(cached, rng)
        rows = torch.from_numpy(rng.integers(len(cached[bucket][1]), size=batch))
        z = cached[bucket][1][rows].to(device).float()
        some, much = torch.rand(2, batch, generator=g, device=device)
        z = z + (much * (some < 0.5))[:, None, None, None] * (F.avg_pool2d(z, 3, 1, 1) - z)
        s = NOISE * torch.rand(batch, generator=g, device=device)
        x = add_noise(z, torch.randn(z.shape, generator=g, device=device), s).contiguous(
            memory_format=torch.channels_last
        )
        with mixed(device):
            logits, _ = net(x, s)
        return answers(logits, wanted[bucket][rows].to(device)).mean()

    net.train()
    return stage.load_mean() if stage.run(loss_of, clock) else None  # type: ignore[return-value]


def distance(
    critic: Critic, guess: torch.Tensor, true: torch.Tensor, wanted: torch.Tensor, g: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two errors (B,) of a predicted picture `guess` (B, 16, h, w): the distance of its features, in units of
    the true features' variance, and the cross entropy of the answers. `g` is a generator on its device."""
    s = NOISE * torch.rand(len(guess), generator=g, device=g.device)
    noise = torch.randn(guess.shape, generator=g, device=g.device)
    with torch.no_grad():
        _, aims = critic(add_noise(true, noise, s), s)
    logits, found = critic(add_noise(guess, noise, s), s)
    apart = [
        (f - a).pow(2).mean((1, 2, 3)) / a.var((0, 2, 3)).mean() for f, a in zip(found, aims, strict=True)
    ]
    return torch.stack(apart).mean(0), answers(logits, wanted)
