"""How far a restored face is blended with the original, by whom it shows: "clearer, but not him" is what
people say of face restorers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ml.likeness import distance, facts_of
from ml.nets.scales import SCALES
from ml.types import Face

WEAKEST = 0.25  # how much of the restored face fidelity 1 shows; fidelity 0 shows all of it
TRIED = (0.0, 0.35, 0.7, 1.0)  # fidelities to choose from
LEAST_INVENTED = 0.35  # the lowest fidelity, unasked, of a restorer that invents
KEPT = 0.8  # probability of one person that the chosen fidelity keeps, if one does
FLOOR = 0.5  # probability of one person below which a result is flagged

Vector = Callable[[str, np.ndarray, Face], np.ndarray | None]  # Embedders.vector


@dataclass(frozen=True)
class Chosen:
    """`identity`: the probability that the face before and after shows one person; None without an
    embedder."""

    pixels: np.ndarray
    fidelity: float
    identity: float | None


@dataclass(frozen=True)
class Identity:
    """Compares faces in a square. `embedder` and `before`: of the face as it was. `photos`: vectors (N, D) of
    photos of the person, by `photos_by`; empty without."""

    vector: Vector
    face: Face
    embedder: str
    before: np.ndarray
    photos: np.ndarray
    photos_by: str

    def kept(self, pixels: np.ndarray) -> float | None:
        """The probability that this shows the person of before."""
        now = self.vector(self.embedder, pixels, self.face)
        if now is None:
            return None
        return round(SCALES[self.embedder].probability(float(np.linalg.norm(now - self.before))), 4)

    def nearness(self, pixels: np.ndarray) -> float | None:
        """How near to the photos, the higher the nearer; None without photos or their embedder."""
        now = self.vector(self.photos_by, pixels, self.face) if len(self.photos) else None
        return None if now is None else -distance(now, facts_of(self.photos, self.photos_by))


def blend(before: np.ndarray, restored: np.ndarray, fidelity: float) -> np.ndarray:
    """(H, W, 3) uint8: fidelity 0 is the restored picture, 1 mostly the one before."""
    share = 1 - (1 - WEAKEST) * fidelity
    made = before + share * (restored.astype(np.float32) - before)
    return np.clip(made + 0.5, 0, 255).astype(np.uint8)


def choose(
    before: np.ndarray, restored: np.ndarray, identity: Identity, fidelity: float | None, *, least: float
) -> Chosen:
    """With `fidelity` None one from `least` on: with photos the one nearest to them; else the lowest that
    keeps the person by KEPT; else the one that keeps most."""
    if fidelity is not None:
        made = blend(before, restored, fidelity)
        return Chosen(made, fidelity, identity.kept(made))
    tried: list[tuple[float, Chosen]] = []
    for each in (least, *(fidelity for fidelity in TRIED if fidelity > least)):
        made = blend(before, restored, each)
        found = Chosen(made, each, identity.kept(made))
        near = identity.nearness(made)
        if near is None and (found.identity is None or found.identity >= KEPT):
            return found
        tried.append((near if near is not None else found.identity or 0.0, found))
    return best(tried)


def least_fidelity(clearness: float, invents: bool) -> float:
    """The clearer a face is already, the less of it is changed; a restorer that invents is never shown alone
    unasked."""
    return round(max(clearness, LEAST_INVENTED if invents else 0.0), 2)


def best(tried: Sequence[tuple[float, Chosen]]) -> Chosen:
    """The one with the highest figure, of those that keep the person if any does; of equal ones the first."""
    keeping = [pair for pair in tried if (pair[1].identity or 0.0) >= FLOOR]
    return max(keeping or tried, key=lambda pair: pair[0])[1]
