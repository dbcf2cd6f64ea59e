"""Draws a picture anew: finds the drawing that a net has read and that agrees best with a picture.

The prompt counts as evidence of what a picture shows, for the base follows its words mostly: where the net
wavers between a smile and a laugh, the one that was asked for is drawn; where it is sure, the net is right.

A twin's person who is known as values is drawn as known, but for what the prompt asks to change: the latents
tell too little of hair, beard and eyes to overrule either."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import cv2
import numpy as np

from ml.drawn.people import Person, Scene
from ml.drawn.portraits import draw
from ml.drawn.solid import MOUTH_Y, seen_at
from ml.drawn.values import CHOICES, LENGTHS, NUMBERS, OF_PERSON, drawing_of
from ml.nets.alignment import align

Look = Callable[[list[np.ndarray]], np.ndarray]  # heads (96, 96, 3) uint8 -> unit vectors (N, D)

# By colours: px of the small drawings; the least probability of a choice that is tried; the share of the
# difference that may be left for a value to be taken.
TRIED, LIKELY, BETTER = 64, 0.02, 0.985
CHOSEN = [
    "style",
    "background",
    "backdrop",
    "hat",
    "hat_colour",
    "hair",
    "hair_colour",
    "clothes",
    "colour",
    "beard",
    "light",
    "side",
]
STEPS = {"yaw": 0.15, "dy": 0.1, "size": 0.15, "width": 0.4, "skin": 0.3, "hair_shade": 0.5}
# By the face embedder: px of the drawings; how much the net's word on the eyes counts; the least gain.
HEAD, SURE, NEARER = 96, 0.02, 0.002
PERSONAL = {"skin": 0.2, "tint": 0.4, "age": 0.6, "brow": 0.5, "lips": 0.5, "eye_size": 0.5, "width": 0.4}
PERSONAL |= {"jaw": 0.4, "nose_width": 0.5, "mouth": 0.5}
CHANGES = ("hair", "hair_colour", "beard", "eyes")  # what a prompt may change of a known person
FOLLOWED = 0.9  # how often a picture shows what a prompt asks for (docs/engine.md)


class KnownPerson(NamedTuple):
    """A twin's person. `eyes`: whether their colour is known too; else each picture says it."""

    person: Person
    eyes: bool = True


class Redrawing:
    """The values of a drawing, as the net reads them and as small drawings then agree best with the VAE's
    picture. `known`: the person, where that is known. `asked`: what the prompt asks for (ml/drawn/asked.py).
    `apart`: how far the colours still are apart, 0..1."""

    def __init__(
        self,
        numbers: np.ndarray,
        shares: list[np.ndarray],
        seed: int,
        small: np.ndarray,
        known: KnownPerson | None = None,
        asked: Mapping[str, Any] | None = None,
    ):
        self.numbers, self.seed = numbers, seed
        self.known = known and as_asked(known, asked or {})
        self.shares = with_asked(shares, asked or {})
        self.places = np.array([int(share.argmax()) for share in self.shares])
        k = TRIED / min(small.shape[:2])
        self.height, self.width = (round(k * side) for side in small.shape[:2])
        self.small, self.wanted = small, colours(small)
        self.apart = self._apart(self.numbers, self.places)

    def drawing(self) -> tuple[Person, Scene]:
        return self._drawing(self.numbers, self.places)

    def _drawing(self, numbers: np.ndarray, places: np.ndarray) -> tuple[Person, Scene]:
        person, scene = drawing_of(numbers, places, self.seed)
        if self.known:
            eyes = self.known.person.eyes if self.known.eyes else person.eyes
            person = replace(self.known.person, eyes=eyes)
        return person, scene

    def match_colours(self) -> None:
        """Tries likely choices and moves numbers, for what is large enough to be seen in a small drawing."""
        known = OF_PERSON if self.known else ()
        for name in CHOSEN:
            if name not in known:
                self._choose(list(CHOICES).index(name))
        for name, step in STEPS.items():
            if name not in known:
                self._move(list(NUMBERS).index(name), step)

    def match_person(self, look: Look) -> None:
        """Chooses the eyes, and moves numbers by a step, where the drawing then looks more like the person of
        the VAE's picture to the face embedder. Of a known person no more than is not known."""
        if self.known and self.known.eyes:
            return
        wanted = look([self._head(self.small, self.numbers, self.places)])[0]
        best = self._match_eyes(look, wanted)
        if not self.known:
            self._match_numbers(look, wanted, best)

    def _match_eyes(self, look: Look, wanted: np.ndarray) -> float:
        """Returns how alike the drawing is then."""
        at = list(CHOICES).index("eyes")
        eyes = [with_value(self.places, at, value) for value in range(LENGTHS[at])]
        alike = look([self._drawn_head(self.numbers, tried) for tried in eyes]) @ wanted
        self.places = eyes[int((alike + SURE * np.log(self.shares[at] + 1e-3)).argmax())]
        return float(alike[int(self.places[at])])

    def _match_numbers(self, look: Look, wanted: np.ndarray, best: float) -> None:
        for name, step in PERSONAL.items():
            at = list(NUMBERS).index(name)
            tries = [
                with_value(self.numbers, at, np.clip(self.numbers[at] + d, -1, 1)) for d in (-step, step)
            ]
            alike = look([self._drawn_head(tried, self.places) for tried in tries]) @ wanted
            if alike.max() > best + NEARER:
                best, self.numbers = alike.max(), tries[int(alike.argmax())]

    def _drawn_head(self, numbers: np.ndarray, places: np.ndarray) -> np.ndarray:
        k = HEAD / min(self.small.shape[:2])
        height, width = (round(k * side) for side in self.small.shape[:2])
        return self._head(draw(*self._drawing(numbers, places), height, width), numbers, places)

    def _head(self, picture: np.ndarray, numbers: np.ndarray, places: np.ndarray) -> np.ndarray:
        """The head as the embedder has it, from where these values put it."""
        scene, (height, width) = self._drawing(numbers, places)[1], picture.shape[:2]
        seen = min(height, width) / 2 * seen_at(scene, [(0, 0, 0.82), (0, MOUTH_Y, 0.84)])
        eyes, mouth = seen + (width / 2, height / 2)
        return align(picture, eyes, mouth)

    def _apart(self, numbers: np.ndarray, places: np.ndarray) -> float:
        made = draw(*self._drawing(numbers, places), self.height, self.width)
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


def as_asked(known: KnownPerson, asked: Mapping[str, Any]) -> KnownPerson:
    """The person, changed as the prompt asks."""
    changes = {name: asked[name] for name in CHANGES if name in asked}
    return KnownPerson(replace(known.person, **changes), known.eyes or "eyes" in changes)


def with_asked(shares: list[np.ndarray], asked: Mapping[str, Any]) -> list[np.ndarray]:
    """The net's probabilities of the choices, which take all values for equally frequent, given what the
    prompt asks for."""
    found = []
    for (name, values), share in zip(CHOICES.items(), shares):
        if name in asked:
            odds = FOLLOWED / (1 - FOLLOWED) * (len(values) - 1)
            at = values.index(asked[name])
            share = with_value(share, at, odds * share[at])
            share = share / share.sum()
        found.append(share)
    return found


def with_value(values: np.ndarray, at: int, value: Any) -> np.ndarray:
    changed = values.copy()
    changed[at] = value
    return changed


def colours(picture: np.ndarray) -> np.ndarray:
    """The picture's colours 0..1 in 24 x 24 fields: finer things, such as a mouth, the net reads better."""
    return cv2.resize(picture, (24, 24), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
