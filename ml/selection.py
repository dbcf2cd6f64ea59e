"""How a twin is measured, wherever it was trained: the photos held out, the scenes, likeness and score.

A checkpoint's distance is the median over its pictures of the mean distance to held-out photos; its score is
how far that lies below the distance at which one and two people are equally likely, minus copying. Copying is
how much nearer its pictures are to a single training photo than held-out photos of the same person are.
Distances and probabilities: ml/nets/scales.py. Torch-free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ml.catalogue import Base
from ml.errors import MLError
from ml.likeness import own_likeness
from ml.nets.scales import SCALES
from ml.types import TrainSpec

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
LEAST_PHOTOS = 4
SAMPLES = 4  # pictures that come with a training
REJECTED = 10.0  # taken off a rejected checkpoint's score; more than any two vectors are apart


def check_photos(spec: TrainSpec) -> None:
    """Raises MLError `not_enough_photos`."""
    if len(spec.photos) < LEAST_PHOTOS:
        wanted = f"A twin needs at least {LEAST_PHOTOS} accepted photos, better ten or more"
        raise MLError("not_enough_photos", f"{wanted}; here are {len(spec.photos)}.")


def no_face_in(photo: str) -> MLError:
    return MLError("no_face", f"No face was found in the photo {photo}. Take it out and start again.")


def split(count: int, share: float, seed: int) -> tuple[list[int], list[int]]:
    """(indexes to train on, indexes held out): at least two of each."""
    out = min(max(2, round(count * share)), count - 2)
    order = np.random.default_rng([seed, count]).permutation(count).tolist()
    return sorted(order[out:]), sorted(order[:out])


def scenes_of(base: Base) -> list[tuple[str, str, int]]:
    """(prompt, style, seed) of each picture by which a twin on this base is measured."""
    recipe = base.recipe
    scenes = enumerate(SCENES[: recipe.prompts])
    return [(prompt, style, 1000 * k + i) for i, (prompt, style) in scenes for k in range(recipe.seeds)]


def in_one_space(
    found: Sequence[tuple[str, np.ndarray]], again: Callable[[int, str], np.ndarray]
) -> tuple[np.ndarray, str]:
    """(vectors (N, D), embedder): all by the embedder of most photos. `found`: each photo's embedder and
    vector; `again(i, embedder)` embeds photo i by another one."""
    embedder = Counter(name for name, _ in found).most_common(1)[0][0]
    rows = [vector if name == embedder else again(i, embedder) for i, (name, vector) in enumerate(found)]
    return np.array(rows, np.float32), embedder


def leaning(vectors: np.ndarray, trained: np.ndarray) -> float:
    """Median over `vectors` (N, D) of: the mean distance to all of `trained` (M, D), minus that to the
    nearest."""
    apart = np.linalg.norm(vectors[:, None] - trained[None], axis=2)
    return float(np.median(apart.mean(1) - apart.min(1)))


@dataclass(frozen=True)
class Known:
    """The person's photos: vectors (N, D) of those held out and of those trained on, by one embedder."""

    embedder: str
    held_out: np.ndarray
    trained: np.ndarray


class Measure:
    """Measures pictures, given by their faces' vectors (N, D), against what is known of the person. `real` is
    the likeness between the person's own photos."""

    def __init__(self, known: Known):
        self.known, self.scale = known, SCALES[known.embedder]
        self.real = own_likeness(np.concatenate([known.held_out, known.trained]), known.embedder)

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
