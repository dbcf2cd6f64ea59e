"""How likely a picture shows the person of a twin.

The figure is a probability, read from the distance of the picture's face to the photos' by the embedder of
the photos (ml/nets/scales.py). With the photos r of a person, their mean m, and the spread s = E|r - m|^2,
the root mean square distance of a face v to all photos is sqrt(|v - m|^2 + s). So a twin's file holds one
vector and one number instead of every photo's vector.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.measures import SHARP, face_patch, sharpness
from ml.nets.scales import SCALES

if TYPE_CHECKING:  # it loads torch
    from ml.faces import Faces


def facts_of(vectors: np.ndarray, embedder: str) -> dict[str, Any]:
    """What a twin's file says of its photos' vectors (N, D). `own` is the photos' likeness among
    themselves."""
    mean = vectors.mean(0)
    return {
        "embedder": embedder,
        "reference": [round(float(v), 5) for v in mean],
        "spread": round(float(((vectors - mean) ** 2).sum(1).mean()), 5),
        "own": round(own_likeness(vectors, embedder), 4),
    }


def own_likeness(vectors: np.ndarray, embedder: str) -> float:
    """The likeness between two photos of the person: of the median distance of all pairs. (N, D), N >= 2."""
    pairs = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)[np.triu_indices(len(vectors), 1)]
    return SCALES[embedder].probability(float(np.median(pairs)))


def distance(vector: np.ndarray, twin: Mapping[str, Any]) -> float:
    """Root mean square distance of a vector (D,) to the photos' vectors. Twins of before the spread was
    stored have photo vectors of length 1, so their mean says it."""
    mean = np.asarray(twin["reference"], np.float64)
    spread = twin.get("spread", max(0.0, 1.0 - float(mean @ mean)))
    return float(np.sqrt(((vector - mean) ** 2).sum() + spread))


def is_recognisable(picture: np.ndarray, face: Any) -> bool:
    """Whether the face is sharp enough to be compared: a blur lies near everybody."""
    return sharpness(face_patch(picture, face)) >= SHARP


def likeness(picture: np.ndarray, twin: Mapping[str, Any], faces: Faces) -> float | None:
    """The probability, at most that of two photos of the person. None without a twin, without a sharp face,
    and for a twin of an embedder that is no more."""
    return likeness_and_sharpness(picture, twin, faces)[0]


def likeness_and_sharpness(
    picture: np.ndarray, twin: Mapping[str, Any], faces: Faces
) -> tuple[float | None, float | None]:
    """The likeness, and how sharp the face is (measures.sharpness); both of one search for the face."""
    embedder = str(twin.get("embedder", ""))
    found = faces.vector(picture, embedder) if embedder in SCALES else None
    if found is None:
        return None, None
    sharp = sharpness(face_patch(picture, found[0]))
    if sharp < SHARP:
        return None, round(sharp, 4)
    probability = SCALES[embedder].probability(distance(found[1], twin))
    return round(min(probability, twin.get("own", 1.0)), 4), round(sharp, 4)
