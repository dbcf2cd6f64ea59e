"""Tells from latents what a picture shows, through noise, and says how far a painted one is from that.

Flow matching weighs every latent alike: a smile is three of sixty-four tokens and a hundredth of the loss, so a small base learns it
last. The critic knows smiles; once trained on drawn latents it is frozen, and the flow learns from it what its captions mean.
It looks at the flow's guess of the whole picture with noise laid over it again: what only a critic sees does not outlive the noise.
Two measures, as in "Diffusion model with perceptual loss" (Lin and Yang, 2024) and in classifier guidance: its features, compared
with those of the true picture, and its answers, compared with what the picture is known to show.
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
from ml.nano.data import sample
from ml.nano.stage import Clock, Stage
from ml.nets import reader
from ml.nets.embedder import Block

NOISE = 0.6  # the most that is laid over, as a share of the whole
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
WHO = [
    list(FIELDS).index(f) for f in ("gender", "hair", "hair_colour", "beard", "skin")
]  # what tells people apart
COUNTS = [len(names) for names in FIELDS.values()]


class Critic(nn.Module):
    """x (B, 16, h, w) latents with noise, s (B,) its share -> logits of all fields side by side, features of three depths."""

    def __init__(self, widths: tuple[int, int, int] = (64, 96, 160)):
        super().__init__()
        a, b, c = widths
        self.depths = nn.ModuleList(
            nn.Sequential(nn.Conv2d(i, o, 3, stride=k, padding=1), nn.BatchNorm2d(o), nn.PReLU(o), Block(o))
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
    """The class of each field; -1 where it shows nothing."""
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
    """(N, fields) of drawn pictures."""
    return torch.tensor([labels(*sample(int(n))[:2]) for n in numbers])


def answers(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """(B,) cross entropy, summed over the fields that show something."""
    parts = zip(logits.split(COUNTS, 1), wanted.T, strict=True)
    return torch.stack([F.cross_entropy(p, w, ignore_index=-1, reduction="none") for p, w in parts]).sum(0)


def veil(z: torch.Tensor, noise: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
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
    """On latents from flow.cache_latents, some of them softened as a guess is. None when stopped before the end."""
    torch.manual_seed(seed)
    net = Critic().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    stage = Stage(
        work / "critic.pt", net, rate=2e-3, total=steps, decay=0.99, weight_decay=0.05, cooldown=0.6
    )
    wanted = {b: all_labels(numbers) for b, (numbers, _) in cached.items()}
    share = np.array([len(n) for n, _ in cached.values()], float)

    def loss_of(step: int) -> torch.Tensor:
        rng, g = (
            np.random.default_rng([seed, step]),
            torch.Generator(device).manual_seed(seed * 1_000_003 + step),
        )
        bucket = list(cached)[int(rng.choice(len(cached), p=share / share.sum()))]
        rows = torch.from_numpy(rng.integers(len(cached[bucket][1]), size=batch))
        z = cached[bucket][1][rows].to(device).float()
        some, much = torch.rand(2, batch, generator=g, device=device)
        z = z + (much * (some < 0.5))[:, None, None, None] * (F.avg_pool2d(z, 3, 1, 1) - z)
        s = NOISE * torch.rand(batch, generator=g, device=device)
        x = veil(z, torch.randn(z.shape, generator=g, device=device), s).contiguous(
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
    """(B,) of a guess (B, 16, h, w): how far its features are from those of the true latents, in units of those features' own
    spread, and the cross entropy of its answers. `g` is a generator of the guess's device."""
    s = NOISE * torch.rand(len(guess), generator=g, device=g.device)
    noise = torch.randn(guess.shape, generator=g, device=g.device)
    with torch.no_grad():
        _, aims = critic(veil(true, noise, s), s)
    logits, found = critic(veil(guess, noise, s), s)
    apart = [
        (f - a).pow(2).mean((1, 2, 3)) / a.var((0, 2, 3)).mean() for f, a in zip(found, aims, strict=True)
    ]
    return torch.stack(apart).mean(0), answers(logits, wanted)
