"""The built-in base's own decoder: it reads out of the latents how the drawing program would draw the
picture, and draws it at the delivered size.

At 128 pixels an eye is one latent cell, and no net can bring back what the cell does not hold (docs/engine.md
has what was tried). But the base knows drawings alone, and a drawing is some fifty values. So the decoder's
net gives these values, and the drawing program gives the pixels. Where the net is not sure, small drawings of
the likely values are compared with the VAE's picture of the same latents, by their colours and by the face
embedder, and the prompt's words count. Where the latents are no drawing (a repaired photograph) even the best
one disagrees, and the VAE's picture is delivered, softer.

Shapes: B batch, h w latent cells: latents (B, 16, h, w) -> numbers (B, len(NUMBERS)) in -1..1, and logits
(B, sum of the lengths of CHOICES).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ml.catalogue import Sizes
from ml.drawn.drawing import Drawing
from ml.drawn.people import Person
from ml.drawn.values import CHOICES, LENGTHS, NUMBERS, drawing_of
from ml.nets.blocks import ResidualBlock, downsample
from ml.nets.embedders import DrawnEmbedder
from ml.nets.redrawing import KnownPerson, Look, Redrawing

log = logging.getLogger(__name__)

VERSION = 3  # of the layout; a file of another version is not used
FILE = "decoder.safetensors"  # in the base's directory, in half precision
# Most difference of colours between a drawing and the VAE's picture, see Redrawing: of what was made of words
# alone (the base draws nothing but drawings: up to what noise has), and from a picture, perhaps a photograph.
AGREES, BEGUN_AGREES = 0.17, 0.13
# In what the net learnt from, no beard is so many times as frequent as each kind of one (log). The net counts
# that in each picture, where it belongs; of many pictures of one person it may not count as often.
BEARDLESS = 1.9
# The least Person.chroma that is read as 1, the drawing program's usual skin: of 60 people with it, read in
# twelve drawings each, the least was 0.87.
USUAL = 0.86


class ReadingNet(nn.Module):
    """See the module. Latents of any shape are laid into the middle of `cells` x `cells` cells, beside each
    cell's place in half frames, because a drawing's measures are in half frames."""

    def __init__(self, cells: int = 18, widths: tuple[int, int, int] = (64, 128, 192), hidden: int = 384):
        super().__init__()
        self.cells = cells
        a, b, c = widths
        self.body = nn.Sequential(
            nn.Conv2d(19, a, 3, padding=1),
            *(ResidualBlock(a), ResidualBlock(a)),
            *downsample(a, b),
            *(ResidualBlock(b), ResidualBlock(b), ResidualBlock(b)),
            *downsample(b, c),
            *(ResidualBlock(c), ResidualBlock(c)),
        )
        side = -(-cells // 4)
        self.join = nn.Sequential(nn.Flatten(), nn.Linear(c * side * side, hidden), nn.PReLU(hidden))
        self.numbers, self.choices = nn.Linear(hidden, len(NUMBERS)), nn.Linear(hidden, sum(LENGTHS))

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.join(self.body(laid_out(z, self.cells)))
        return self.numbers(found).float(), self.choices(found).float()


def laid_out(z: torch.Tensor, cells: int) -> torch.Tensor:
    """(B, 16, h, w) -> (B, 19, cells, cells): the latents, where they lie, and x and y in half frames."""
    b, _, h, w = z.shape
    half = min(h, w) / 2
    y, x = ((torch.arange(n, device=z.device) + 0.5 - n / 2) / half for n in (h, w))
    place = torch.stack([torch.ones(h, w, device=z.device), x.expand(h, w), y[:, None].expand(h, w)])
    whole = torch.cat([z, place.to(z.dtype).expand(b, 3, h, w)], 1)
    left, top = (cells - w) // 2, (cells - h) // 2
    return F.pad(whole, (left, cells - w - left, top, cells - h - top))


def cells_of(sizes: Sizes) -> int:
    """The latent cells of the longest side of a base's pictures."""
    return max(max(size) for size in sizes.by_aspect.values()) // 8


@dataclass(frozen=True)
class Decoder:
    """`look`: the face embedder. `agrees`: what is further apart from the VAE's picture is no drawing;
    `begun_agrees`: the same for what began from another picture."""

    net: ReadingNet
    look: Look
    agrees: float = AGREES
    begun_agrees: float = BEGUN_AGREES

    @torch.no_grad()
    def read(
        self,
        z: torch.Tensor,
        small: np.ndarray,
        seed: int = 0,
        known: KnownPerson | None = None,
        asked: Mapping[str, Any] | None = None,
        *,
        somebody: bool = True,
    ) -> Redrawing:
        """What the latents (16, h, w) hold, whose VAE's picture is `small` (8h, 8w, 3) uint8. `seed`: of the
        background's details, which they do not hold. `known`: the twin's person. `asked`: see Redrawing.
        `somebody`: whether it matters who is seen."""
        numbers, logits = self.net(z[None].float())
        shares = [part.softmax(0).cpu().numpy() for part in logits[0].split(LENGTHS)]
        found = Redrawing(numbers[0].cpu().numpy(), shares, seed, small, known, asked)
        found.match_colours()
        if somebody:
            found.match_person(self.look)
        return found

    @torch.no_grad()
    def person_of(self, latents: Sequence[torch.Tensor]) -> Person:
        """The one person of all these latents (16, h, w): of what one drawing hides, another tells more."""
        found = [self.net(z[None].float()) for z in latents]
        numbers = torch.cat([numbers for numbers, _ in found]).mean(0)
        choices = torch.cat([logits for _, logits in found]).split(LENGTHS, 1)
        likely = {name: part.log_softmax(1).mean(0) for name, part in zip(CHOICES, choices)}
        likely["beard"][0] -= BEARDLESS
        places = np.array([int(some.argmax()) for some in likely.values()])
        person = drawing_of(numbers.cpu().numpy(), places, 0)[0]
        return replace(person, chroma=1.0) if person.chroma >= USUAL else person

    def drawing(
        self,
        z: torch.Tensor,
        small: np.ndarray,
        seed: int = 0,
        known: KnownPerson | None = None,
        asked: Mapping[str, Any] | None = None,
        *,
        begun: bool = False,
        somebody: bool = True,
    ) -> Drawing | None:
        """See `read`; None where the latents are no drawing. `begun`: from another picture."""
        if max(z.shape[1:]) > self.net.cells:  # a repaired picture of another shape
            return None
        found = self.read(z, small, seed, known, asked, somebody=somebody)
        return found.drawing() if found.apart <= (self.begun_agrees if begun else self.agrees) else None


def vae_mark(base: Path) -> str:
    """Names the VAE in a base's directory: a decoder fits the latents of one VAE alone."""
    digest = hashlib.sha256()
    for file in sorted((base / "vae").glob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def save(net: ReadingNet, base: Path) -> None:
    """Writes the decoder's net into a base's directory."""
    from safetensors.torch import save_file

    state = {k: v.detach().cpu().contiguous() for k, v in net.state_dict().items()}
    halves = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    aside = base / "decoder.tmp"
    save_file(halves, aside, metadata=facts(base, net.cells))
    aside.rename(base / FILE)


def facts(base: Path, cells: int) -> dict[str, str]:
    """What the file says of itself."""
    return {"version": str(VERSION), "vae": vae_mark(base), "cells": str(cells)}


def load(base: Path, sizes: Sizes) -> Decoder | None:
    """The decoder in a base's directory; None if there is none, or one of another version, VAE or size. Then
    the VAE's own decoder makes the pictures, softer."""
    from safetensors import safe_open

    if not (base / FILE).is_file():
        return None
    cells = cells_of(sizes)
    with safe_open(base / FILE, "pt") as file:
        if (file.metadata() or {}) != facts(base, cells):
            log.warning("the decoder in %s is of another version, VAE or size: pictures are softer", base)
            return None
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    net = ReadingNet(cells, *widths_in(state))
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    return Decoder(net.eval().requires_grad_(False), DrawnEmbedder().look)


def widths_in(state: dict[str, torch.Tensor]) -> tuple[tuple[int, int, int], int]:
    """The widths and the hidden width of a file's net."""
    widths = [len(state[f"body.{i}.bias"]) for i in (0, 3, 9)]
    return (widths[0], widths[1], widths[2]), len(state["join.1.bias"])
