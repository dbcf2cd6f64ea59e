"""How the distances between face vectors are read, by embedder. Torch-free.

Vectors are compared by Euclidean distance, and only with vectors of the same embedder. The figures:
`python -m bench.faces FOLDER`, docs/engine.md.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# Names, stored with every vector.
DRAWN, REAL, FACENET = "drawn-contrast-1", "dlib-resnet-2", "facenet-vggface2"
FACENET_SCALE = Path(__file__).resolve().parent / "weights" / "facenet.json"  # of ml/commands/facenet.py


@dataclass(frozen=True)
class Scale:
    """An embedder's distances. `drawn`: its faces are drawn, not photographed.

    Groups whose mean distance is at most `same` show one person. A photo whose mean distance to a person's
    photos is above `other` shows somebody else. The gap between both is left to the user: a wrong "not you"
    annoys more than one wrong photo harms. `middle` is the distance at which one and two people are equally
    likely, `width` the distance over which the odds change by a factor of e."""

    drawn: bool
    same: float
    other: float
    middle: float
    width: float

    def probability(self, distance: float) -> float:
        """The probability that two faces at this distance show one person, when both are as likely before."""
        return 1 / (1 + math.exp(min((distance - self.middle) / self.width, 700.0)))


def fitted(same: np.ndarray, other: np.ndarray) -> Scale:
    """The scale of a net for real faces, from its distances between photos of one person and of two.

    Takes both as normal: the middle is as many standard deviations above the one mean as below the other.
    There the odds change by e over s^2 / (difference of the means), and 1.5 times as slowly in everyday life:
    of the distances that dlib's net has for twenty people this makes REAL, within 0.015."""
    gap, spreads = float(other.mean() - same.mean()), (float(same.std()), float(other.std()))
    middle = float(same.mean()) + gap * spreads[0] / sum(spreads)
    width = 1.5 * (sum(spreads) / 2) ** 2 / gap
    return Scale(drawn=False, same=middle - 0.8 * width, other=middle, middle=middle, width=width)


def stored(path: Path) -> Scale:
    return Scale(**json.loads(path.read_text()))


SCALES = {
    # 60 drawn people whom the net never saw, five heads each: one person 0.47 (99 of 100 pairs below 0.93),
    # two people 1.35; equal errors (4 %) at 0.79. The probability is a logistic regression on these pairs.
    DRAWN: Scale(drawn=True, same=0.95, other=1.0, middle=0.82, width=0.08),
    # 20 real people, four views each: one person at most 0.46, two people at least 0.50. Photos of everyday
    # life vary more than those of one studio, so the odds change three times as slowly as these pairs say.
    REAL: Scale(drawn=False, same=0.50, other=0.52, middle=0.52, width=0.025),
}
if FACENET_SCALE.exists():
    SCALES[FACENET] = stored(FACENET_SCALE)


def is_drawn(embedder: str) -> bool | None:
    """None for a name that is not known here."""
    return SCALES[embedder].drawn if embedder in SCALES else None
