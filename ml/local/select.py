"""Measures likeness and chooses the best checkpoint.

A checkpoint's distance is the median over its pictures of the mean distance to held-out photos; its score is
how far that lies below the distance at which one and two people are equally likely, minus copying. Copying is
how much nearer its pictures are to a single training photo than held-out photos of the same person are. A
checkpoint is rejected when its pictures show a recognisable face less than 0.95 times as often as the base's
own. Distances and probabilities: ml/nets/scales.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml.catalogue import Base
from ml.faces import Faces
from ml.likeness import is_recognisable, own_likeness
from ml.local.sample import Raw, Sampler
from ml.local.train import TrainingState
from ml.nets.scales import SCALES
from ml.prompts import compose

SCENES = (
    ("smiling, in a park, wearing a blue t-shirt, soft light", "photorealistic"),
    ("neutral expression, in an office, wearing a black suit and tie, daylight", "photorealistic"),
    ("laughing, on a beach, wearing a white t-shirt, warm light", "photorealistic"),
    ("smiling, grey background, wearing a red turtleneck, studio light", "photorealistic"),
    ("neutral expression, in a library, wearing a green hoodie, side light", "photorealistic"),
    ("smiling, in the city at night, wearing a black leather jacket, cool light", "cinematic"),
    ("surprised, in the mountains, wearing an orange hoodie, soft light", "photorealistic"),
    ("neutral expression, at sunset, wearing a white dress shirt, warm light", "vintage"),
    ("smiling, white background, wearing a grey suit and tie, soft light", "photorealistic"),
    ("laughing, in a park, wearing a yellow sweater, backlight", "photorealistic"),
    ("neutral expression, blue background, wearing a black turtleneck, side light", "noir"),
    ("smiling, at sunset, wearing a purple hoodie, warm light", "artistic"),
)


LEAST_FACES = 0.95  # of the base's own share of pictures with a face
REJECTED = 10.0  # taken off a rejected checkpoint's score; more than any two vectors are apart


def leaning(vectors: np.ndarray, trained: np.ndarray) -> float:
    """Median over `vectors` (N, D) of: the mean distance to all of `trained` (M, D), minus that to the
    nearest."""
    apart = np.linalg.norm(vectors[:, None] - trained[None], axis=2)
    return float(np.median(apart.mean(1) - apart.min(1)))


def split(count: int, share: float, seed: int) -> tuple[list[int], list[int]]:
    """(indexes to train on, indexes held out): at least two of each."""
    out = min(max(2, round(count * share)), count - 2)
    order = np.random.default_rng([seed, count]).permutation(count).tolist()
    return sorted(order[out:]), sorted(order[:out])


@dataclass(frozen=True)
class Known:
    """The person's photos: vectors (N, D) of those held out and of those trained on, by one embedder."""

    embedder: str
    held_out: np.ndarray
    trained: np.ndarray


@dataclass(frozen=True)
class Seen:
    """A scorer's observations: vectors (N, D) of the recognisable faces, the share of pictures with one, and
    (prompt, seed, raw picture) of all."""

    vectors: np.ndarray
    found: float
    pictures: list[tuple[str, int, Raw]]


@dataclass(frozen=True)
class Choice:
    """The chosen step, its likeness, the scores of all steps, and the chosen step's pictures (see Seen)."""

    step: int
    likeness: float
    scores: tuple[tuple[int, float], ...]
    pictures: list[tuple[str, int, Raw]]


class CheckpointScorer:
    """Renders the fixed scenes and scores the pictures."""

    def __init__(self, sampler: Sampler, base: Base, faces: Faces, subject: str, known: Known):
        self.sampler, self.base, self.faces, self.subject = sampler, base, faces, subject
        self.known, self.scale = known, SCALES[known.embedder]
        self.real = own_likeness(np.concatenate([known.held_out, known.trained]), known.embedder)

    def observe(self, *, twin: bool, tell: Callable[[float], None] = lambda share: None) -> Seen:
        """Renders all scenes, with the twin or without, and embeds the faces."""
        asked, found, pictures = self._scenes(), [], []
        for first in range(0, len(asked), self.base.batch):
            some = asked[first : first + self.base.batch]
            for (prompt, _, seed), raw in zip(some, self._sample(some, twin)):
                picture = self.sampler.small(raw)
                seen = self.faces.vector(picture, self.known.embedder)
                found += [seen[1]] if seen and is_recognisable(picture, seen[0]) else []
                pictures.append((prompt, seed, raw))
            tell((first + len(some)) / len(asked))
        return Seen(np.array(found, np.float32), len(found) / len(pictures), pictures)

    def _scenes(self) -> list[tuple[str, str, int]]:
        """(prompt, style, seed) of each picture."""
        recipe = self.base.recipe
        scenes = enumerate(SCENES[: recipe.prompts])
        return [(prompt, style, 1000 * k + i) for i, (prompt, style) in scenes for k in range(recipe.seeds)]

    def _sample(self, some: list[tuple[str, str, int]], twin: bool) -> list[Raw]:
        texts = [compose(prompt, style, self.subject, twin=twin) for prompt, style, _ in some]
        size, steps = self.base.sizes.by_aspect["1:1"], self.base.steps[1]
        return self.sampler.raw_batch(texts, size=size, steps=steps, seeds=[seed for _, _, seed in some])

    def distance(self, vectors: np.ndarray) -> float:
        apart = np.linalg.norm(vectors[:, None] - self.known.held_out[None], axis=2)
        return float(np.median(apart.mean(1)))

    def likeness(self, vectors: np.ndarray) -> float:
        """0 without faces; at most the likeness of the person's own photos."""
        if not len(vectors):
            return 0.0
        return min(self.scale.probability(self.distance(vectors)), self.real)

    def score(self, vectors: np.ndarray) -> float:
        if not len(vectors):
            return -REJECTED
        copying = leaning(vectors, self.known.trained) - leaning(self.known.held_out, self.known.trained)
        return self.scale.middle - self.distance(vectors) - max(0.0, copying)


def choose(
    state: TrainingState, scorer: CheckpointScorer, base: Seen, tell: Callable[[float], None]
) -> Choice:
    """Chooses the best of the kept checkpoints and leaves its weights in the transformer."""
    scores, seen = {}, {}
    for i, step in enumerate(sorted(state.kept)):
        state.show(state.kept[step])
        seen[step] = scorer.observe(twin=True, tell=lambda s, done=i: tell((done + s) / len(state.kept)))  # type: ignore[misc]
        fewer_faces = seen[step].found < LEAST_FACES * base.found
        scores[step] = round(scorer.score(seen[step].vectors) - REJECTED * fewer_faces, 4)
    best = max(scores, key=lambda step: (scores[step], step))
    state.show(state.kept[best])
    return Choice(best, scorer.likeness(seen[best].vectors), tuple(scores.items()), seen[best].pictures)
