"""The built-in base's own decoder: it reads out of the latents how the drawing program would draw the
picture, and draws it at the delivered size.

At 128 pixels an eye is one latent cell, and no net can bring back what the cell does not hold (docs/engine.md
has what was tried). But the base knows drawings alone, and a drawing is some fifty values. So the decoder's
net gives these values, and the drawing program gives the pixels. Where the net is not sure, small drawings of
the likely values are compared with the VAE's picture of the same latents, by their colours and by the face
embedder. Where the latents are no drawing (a repaired photograph) even the best one disagrees, and the VAE's
picture is delivered, softer.

Shapes: B batch, h w latent cells: latents (B, 16, h, w) -> numbers (B, len(NUMBERS)) in -1..1, and logits
(B, sum of the lengths of CHOICES).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ml import vocabulary
from ml.catalogue import Sizes
from ml.drawn.people import BEARDS, EYE_COLOURS, HAIR_COLOURS, HAIR_STYLES, MORE_HAIR_STYLES, Person, Scene
from ml.drawn.portraits import draw
from ml.drawn.solid import MOUTH_Y, rotation
from ml.nets.alignment import align
from ml.nets.blocks import ResidualBlock, downsample
from ml.nets.embedders import DrawnEmbedder
from ml.types import STYLES

log = logging.getLogger(__name__)
Look = Callable[[list[np.ndarray]], np.ndarray]  # heads (96, 96, 3) uint8 -> unit vectors (N, D)

VERSION = 3  # of the layout; a file of another version is not used
FILE = "decoder.safetensors"  # in the base's directory, in half precision
AGREES = 0.13  # most mean difference of colours, see `apart`
SURE = 0.02  # how much the net's word on the eyes counts beside the likeness to the embedder
HEAD = 96  # px of the drawings that the embedder sees
TRIED, LIKELY = 64, 0.02  # px of the drawings that are compared; the least probability of a value to be tried
BETTER = 0.985  # a value is taken instead of the likeliest one if the difference is this share of it, or less

# Values that are numbers, with the least and the greatest that are drawn for the training.
NUMBERS: dict[str, tuple[float, float]] = {
    "age": (0, 1),
    "skin": (0, 1),
    "tint": (-1, 1),
    "chroma": (0.4, 1),
    "hair_shade": (0.8, 1.2),
    "width": (0.67, 0.82),
    "jaw": (1.7, 3.2),
    "eye_size": (0.85, 1.25),
    "eye_gap": (0.29, 0.38),
    "eye_slant": (-0.22, 0.22),
    "brow": (0.022, 0.085),
    "brow_arch": (0, 0.1),
    "nose": (0.15, 0.3),
    "nose_width": (0.085, 0.16),
    "nose_length": (0.34, 0.46),
    "mouth": (0.22, 0.33),
    "lips": (0.05, 0.12),
    "mole_x": (-0.42, 0.42),
    "yaw": (-35, 35),
    "pitch": (-11, 11),
    "roll": (-13, 13),
    "size": (0.52, 0.68),
    "dx": (-0.1, 0.1),
    "dy": (-0.16, 0.04),
}
# Values that are one of several.
CHOICES: dict[str, tuple[Any, ...]] = {
    "gender": ("woman", "man"),
    "hair": (*HAIR_STYLES, *MORE_HAIR_STYLES),
    "hair_colour": tuple(HAIR_COLOURS),
    "eyes": tuple(EYE_COLOURS),
    "beard": BEARDS,
    "freckles": (0.0, 0.6, 1.0),
    "mole_y": (None, 0.3, 0.74, -0.36),
    "background": vocabulary.BACKGROUNDS,
    "backdrop": tuple(vocabulary.COLOURS),
    "clothes": vocabulary.CLOTHES,
    "colour": tuple(vocabulary.COLOURS),
    "light": vocabulary.LIGHTS,
    "side": (-1, 1),
    "expression": vocabulary.EXPRESSIONS,
    "glasses": vocabulary.GLASSES,
    "hat": vocabulary.HATS,
    "hat_colour": tuple(vocabulary.COLOURS),
    "style": STYLES,
}
# What a small drawing shows better than the net reads it, in this order; and steps of such numbers in -1..1.
SEEN: tuple[str, ...] = (
    "style",
    "background",
    "backdrop",
    "hat",
    "hat_colour",
    "hair",
    "hair_colour",
    "clothes",
    "colour",
)
SEEN += ("beard", "light", "side")
STEPS = {"yaw": 0.15, "dy": 0.1, "size": 0.15, "width": 0.4, "skin": 0.3, "hair_shade": 0.5}
# Steps of the numbers by which the embedder tells people.
PERSONAL = {"skin": 0.2, "tint": 0.4, "age": 0.6, "brow": 0.5, "lips": 0.5, "eye_size": 0.5, "width": 0.4}
PERSONAL |= {"jaw": 0.4, "nose_width": 0.5, "mouth": 0.5}
LENGTHS = [len(names) for names in CHOICES.values()]
OF_PERSON = [name for name in Person.__dataclass_fields__ if name != "mole"]


def values_of(person: Person, scene: Scene) -> tuple[list[float], list[int]]:
    """What the net shall read in a drawing: NUMBERS in -1..1, and the places in CHOICES; NaN and -1 for what
    the drawing does not show."""
    x, y = person.mole or (float("nan"), None)
    seen = asdict(scene) | asdict(person) | {"mole_x": x, "mole_y": y}
    if scene.background != "studio":
        seen["backdrop"] = None
    if scene.hat == "none":
        seen["hat_colour"] = None
    numbers = [2 * (seen[name] - low) / (high - low) - 1 for name, (low, high) in NUMBERS.items()]
    places = [names.index(seen[name]) if seen[name] in names else -1 for name, names in CHOICES.items()]
    return numbers, places


def drawing_of(numbers: np.ndarray, places: np.ndarray, arrangement: int) -> tuple[Person, Scene]:
    """The person and the scene that these values mean; `arrangement` is the background's seed."""
    said: dict[str, Any] = {name: names[int(at)] for (name, names), at in zip(CHOICES.items(), places)}
    for (name, (low, high)), at in zip(NUMBERS.items(), np.clip(numbers, -1, 1)):
        said[name] = float(low + (at + 1) / 2 * (high - low))
    x, y = said.pop("mole_x"), said.pop("mole_y")
    person = Person(**{name: said.pop(name) for name in OF_PERSON}, mole=None if y is None else (x, y))
    return person, Scene(**said, arrangement=arrangement)


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
    """The net, the delivered picture's side in sides of the VAE's, and how faces look to the embedder."""

    net: ReadingNet
    times: int
    look: Look

    @torch.no_grad()
    def read(self, z: torch.Tensor, small: np.ndarray, seed: int = 0) -> Reading:
        """What the latents (16, h, w) hold, whose VAE's picture is `small` (8h, 8w, 3) uint8. `seed`: of the
        background's details, which they do not hold."""
        numbers, logits = self.net(z[None].float())
        shares = [part.softmax(0).cpu().numpy() for part in logits[0].split(LENGTHS)]
        reading = Reading(numbers[0].cpu().numpy(), shares, seed, small)
        reading.improve()
        reading.recognise(self.look)
        return reading

    def __call__(self, z: torch.Tensor, small: np.ndarray, seed: int = 0) -> np.ndarray | None:
        """The picture (16, h, w) -> (8h times, 8w times, 3) uint8; None where the latents are no drawing."""
        if max(z.shape[1:]) > self.net.cells:  # a repaired picture of another shape
            return None
        reading = self.read(z, small, seed)
        if reading.apart > AGREES:
            return None
        height, width = (side * self.times for side in small.shape[:2])
        return draw(*reading.drawing(), height, width)


class Reading:
    """A drawing's values, as the net reads them and as small drawings then agree best with the VAE's picture.
    `apart`: how far they are apart."""

    def __init__(self, numbers: np.ndarray, shares: list[np.ndarray], seed: int, small: np.ndarray):
        self.numbers, self.shares, self.seed = numbers, shares, seed
        self.places = np.array([int(share.argmax()) for share in shares])
        k = TRIED / min(small.shape[:2])
        self.height, self.width = (round(k * side) for side in small.shape[:2])
        self.small, self.wanted = small, colours(small)
        self.apart = self._apart(self.numbers, self.places)

    def drawing(self) -> tuple[Person, Scene]:
        return drawing_of(self.numbers, self.places, self.seed)

    def improve(self) -> None:
        for name in SEEN:
            self._choose(list(CHOICES).index(name))
        for name, step in STEPS.items():
            self._move(list(NUMBERS).index(name), step)

    def recognise(self, look: Look) -> None:
        """Moves the person's values until the drawing looks like the same person to the face embedder."""
        wanted = look([self._head(self.small, self.numbers, self.places)])[0]
        at = list(CHOICES).index("eyes")
        eyes = [with_value(self.places, at, value) for value in range(LENGTHS[at])]
        alike = look([self._drawn_head(self.numbers, tried) for tried in eyes]) @ wanted
        self.places = eyes[int((alike + SURE * np.log(self.shares[at] + 1e-3)).argmax())]
        best = alike[int(self.places[at])]
        for name, step in PERSONAL.items():
            at = list(NUMBERS).index(name)
            tries = [
                with_value(self.numbers, at, np.clip(self.numbers[at] + d, -1, 1)) for d in (-step, step)
            ]
            alike = look([self._drawn_head(tried, self.places) for tried in tries]) @ wanted
            if alike.max() > best + 0.002:
                best, self.numbers = alike.max(), tries[int(alike.argmax())]

    def _drawn_head(self, numbers: np.ndarray, places: np.ndarray) -> np.ndarray:
        k = HEAD / min(self.small.shape[:2])
        height, width = (round(k * side) for side in self.small.shape[:2])
        return self._head(draw(*drawing_of(numbers, places, self.seed), height, width), numbers, places)

    def _head(self, picture: np.ndarray, numbers: np.ndarray, places: np.ndarray) -> np.ndarray:
        """The head as the embedder has it, from where these values put it."""
        scene, (height, width) = drawing_of(numbers, places, self.seed)[1], picture.shape[:2]
        half, points = min(height, width) / 2, []
        for low in (0.0, MOUTH_Y):
            u, v, _ = rotation(scene) @ (0, low, 0.85)
            points.append((scene.dx + scene.size * u, scene.dy - 0.06 + scene.size * v))
        eyes, mouth = half * np.array(points) + (width / 2, height / 2)
        return align(picture, eyes, mouth)

    def _apart(self, numbers: np.ndarray, places: np.ndarray) -> float:
        made = draw(*drawing_of(numbers, places, self.seed), self.height, self.width)
        return float(np.abs(colours(made) - self.wanted).mean())

    def _choose(self, at: int) -> None:
        """Tries the likely values of a choice."""
        share = self.shares[at]
        for value in np.argsort(-share)[:3]:
            if value != self.places[at] and share[value] >= LIKELY:
                self._take(self.numbers, with_value(self.places, at, value))

    def _move(self, at: int, step: float) -> None:
        """Moves a number by steps for as long as that makes the drawing agree better."""
        for way in (step, -step):
            better = True
            while better and -1 < self.numbers[at] + way < 1:
                better = self._take(with_value(self.numbers, at, self.numbers[at] + way), self.places)

    def _take(self, numbers: np.ndarray, places: np.ndarray) -> bool:
        """Takes these values if they are better."""
        found = self._apart(numbers, places)
        if better := found <= BETTER * self.apart:
            self.numbers, self.places, self.apart = numbers, places, found
        return better


def with_value(values: np.ndarray, at: int, value: Any) -> np.ndarray:
    changed = values.copy()
    changed[at] = value
    return changed


def colours(picture: np.ndarray) -> np.ndarray:
    """The picture's colours 0..1 in 24 x 24 fields: finer things, such as a mouth, the net reads better."""
    return cv2.resize(picture, (24, 24), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


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
    return Decoder(net.eval().requires_grad_(False), sizes.enlarge, DrawnEmbedder().look)


def widths_in(state: dict[str, torch.Tensor]) -> tuple[tuple[int, int, int], int]:
    """The widths and the hidden width of a file's net."""
    widths = [len(state[f"body.{i}.bias"]) for i in (0, 3, 9)]
    return (widths[0], widths[1], widths[2]), len(state["join.1.bias"])
