"""Chooses the best checkpoint of a training by ml.selection's measure. A checkpoint is rejected when its
pictures show a recognisable face less than 0.95 times as often as the base's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml.catalogue import Base
from ml.faces import Faces
from ml.likeness import is_recognisable
from ml.local.sample import Raw, Sampler
from ml.local.train import TrainingState
from ml.prompts import compose
from ml.selection import REJECTED, Known, Measure, scenes_of

LEAST_FACES = 0.95  # of the base's own share of pictures with a face


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


class CheckpointScorer(Measure):
    """Renders the fixed scenes and scores the pictures."""

    def __init__(self, sampler: Sampler, base: Base, faces: Faces, subject: str, known: Known):
        super().__init__(known)
        self.sampler, self.base, self.faces, self.subject = sampler, base, faces, subject

    def observe(self, *, twin: bool, tell: Callable[[float], None] = lambda share: None) -> Seen:
        """Renders all scenes, with the twin or without, and embeds the faces."""
        asked, found, pictures = scenes_of(self.base), [], []
        for first in range(0, len(asked), self.base.batch):
            some = asked[first : first + self.base.batch]
            for (prompt, _, seed), raw in zip(some, self._sample(some, twin)):
                picture = self.sampler.small(raw)
                seen = self.faces.vector(picture, self.known.embedder)
                found += [seen[1]] if seen and is_recognisable(picture, seen[0]) else []
                pictures.append((prompt, seed, raw))
            tell((first + len(some)) / len(asked))
        return Seen(np.array(found, np.float32), len(found) / len(pictures), pictures)

    def _sample(self, some: list[tuple[str, str, int]], twin: bool) -> list[Raw]:
        texts = [compose(prompt, style, self.subject, twin=twin) for prompt, style, _ in some]
        size, steps = self.base.sizes.by_aspect["1:1"], self.base.steps[1]
        return self.sampler.raw_batch(texts, size=size, steps=steps, seeds=[seed for _, _, seed in some])


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
