"""Measures likeness and chooses the best checkpoint.

A checkpoint's score is the median over its pictures of the mean cosine to held-out photos, minus copying.
Copying is how much more its pictures resemble a single training photo than held-out photos of the same
person do. A checkpoint is rejected when its pictures show a face less than 0.95 times as often as the
base's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml.catalogue import Base
from ml.faces import Faces
from ml.local.sample import Sampler
from ml.local.train import TrainingState
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


def mean_cosine(vector: np.ndarray, others: np.ndarray) -> float:
    """Unit vector (D,) against unit vectors (N, D)."""
    return float((others @ vector).mean())


def own_likeness(vectors: np.ndarray) -> float:
    """The median cosine of all pairs of a person's photos (N, D), N >= 2."""
    return float(np.median((vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]))


def leaning(vectors: np.ndarray, trained: np.ndarray) -> float:
    """Median over `vectors` (N, D) of: the cosine to the nearest of `trained` (M, D), minus the mean cosine
    to all of `trained`."""
    cosines = vectors @ trained.T
    return float(np.median(cosines.max(1) - cosines.mean(1)))


def split(count: int, share: float, seed: int) -> tuple[list[int], list[int]]:
    """(indexes to train on, indexes held out): at least two of each."""
    out = min(max(2, round(count * share)), count - 2)
    order = np.random.default_rng([seed, count]).permutation(count).tolist()
    return sorted(order[out:]), sorted(order[:out])


@dataclass(frozen=True)
class Seen:
    """A scorer's observations: vectors (N, D) of the faces, the share of pictures with a face, and (prompt,
    seed, picture) of all pictures."""

    vectors: np.ndarray
    found: float
    pictures: list[tuple[str, int, np.ndarray]]


@dataclass(frozen=True)
class Choice:
    """The chosen step, its likeness, the scores of all steps, and the chosen step's pictures (see Seen)."""

    step: int
    likeness: float
    scores: tuple[tuple[int, float], ...]
    pictures: list[tuple[str, int, np.ndarray]]


class CheckpointScorer:
    """Renders the fixed scenes and scores the pictures."""

    def __init__(
        self,
        sampler: Sampler,
        base: Base,
        faces: Faces,
        subject: str,
        held_out: np.ndarray,
        trained: np.ndarray,
    ):
        self.sampler, self.base, self.faces, self.subject = sampler, base, faces, subject
        self.held_out, self.trained = held_out, trained
        self.real = own_likeness(np.concatenate([held_out, trained]))

    def observe(self, *, twin: bool, tell: Callable[[float], None] = lambda share: None) -> Seen:
        """Renders all scenes, with the twin or without, and embeds the faces."""
        asked, found, pictures = self._scenes(), [], []
        for first in range(0, len(asked), self.base.batch):
            some = asked[first : first + self.base.batch]
            for (prompt, _, seed), picture in zip(some, self._sample(some, twin)):
                described = self.faces.describe(picture)
                found += [described[0][1]] if described else []
                pictures.append((prompt, seed, picture))
            tell((first + len(some)) / len(asked))
        return Seen(np.array(found, np.float32), len(found) / len(pictures), pictures)

    def _scenes(self) -> list[tuple[str, str, int]]:
        """(prompt, style, seed) of each picture."""
        recipe = self.base.recipe
        scenes = enumerate(SCENES[: recipe.prompts])
        return [(prompt, style, 1000 * k + i) for i, (prompt, style) in scenes for k in range(recipe.seeds)]

    def _sample(self, some: list[tuple[str, str, int]], twin: bool) -> np.ndarray:
        texts = [compose(prompt, style, self.subject, twin=twin) for prompt, style, _ in some]
        size, steps = self.base.sizes.by_aspect["1:1"], self.base.steps[1]
        return self.sampler.sample_batch(texts, size=size, steps=steps, seeds=[seed for _, _, seed in some])

    def likeness(self, vectors: np.ndarray) -> float:
        return float(np.median([mean_cosine(v, self.held_out) for v in vectors])) if len(vectors) else 0.0

    def score(self, vectors: np.ndarray) -> float:
        """Likeness minus copying."""
        if not len(vectors):
            return -1.0
        copying = leaning(vectors, self.trained) - leaning(self.held_out, self.trained)
        return self.likeness(vectors) - max(0.0, copying)


def choose(
    state: TrainingState, scorer: CheckpointScorer, base: Seen, tell: Callable[[float], None]
) -> Choice:
    """Chooses the best of the kept checkpoints and leaves its weights in the transformer."""
    scores, seen = {}, {}
    for i, step in enumerate(sorted(state.kept)):
        state.show(state.kept[step])
        seen[step] = scorer.observe(twin=True, tell=lambda s, done=i: tell((done + s) / len(state.kept)))  # type: ignore[misc]
        fewer_faces = seen[step].found < LEAST_FACES * base.found
        scores[step] = round(scorer.score(seen[step].vectors) - fewer_faces, 4)
    best = max(scores, key=lambda step: (scores[step], step))
    state.show(state.kept[best])
    return Choice(best, scorer.likeness(seen[best].vectors), tuple(scores.items()), seen[best].pictures)
