"""Compares faces: finds duplicates and strangers among photos, and groups photos by person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.measures import bits_apart
from ml.types import Inspection

# Bits of 64: 80 copies of real photos at other sizes and qualities differ by 0 to 2 bits, two photos of one
# sitting (or of two people in the same studio pose) by at least 4.
DUPLICATE = 2
AGREE = 3  # photos of the same person needed before another face is called a stranger's
CLEARLY = 0.05  # cosine below the threshold: a wrong "not you" annoys more than one wrong photo harms
# Least mean cosine of faces of one person, by embedder. Drawn heads of one unseen person have at least 0.64
# in 99 of 100 pairs, of two people a median of 0.03. Real faces have as little as 0.32 between a front and
# a three-quarter view (`python -m bench.faces`). The threshold refuses hardly any real photo of the same
# person.
SAME_PERSON = {"drawn-contrast-1": 0.45}


def same_person(vectors: np.ndarray, threshold: float) -> np.ndarray:
    """(N, D) unit vectors -> (N,) labels, one per person; 0 is the person with the most faces.

    Average linkage: joins the two groups with the highest mean cosine while it reaches `threshold`. One
    face that looks like two people therefore does not join them.
    """
    count = len(vectors)
    sums = np.asarray(vectors, np.float64) @ np.asarray(vectors, np.float64).T if count else np.zeros((0, 0))
    sizes, group = np.ones(count), np.arange(count)
    np.fill_diagonal(sums, -np.inf)
    while count:
        means = sums / np.outer(sizes, sizes)
        a, b = np.unravel_index(means.argmax(), means.shape)
        if means[a, b] < threshold:
            break
        sums[a] += sums[b]
        sums[:, a] += sums[:, b]
        sums[b] = sums[:, b] = -np.inf
        sizes[a] += sizes[b]
        group[group == b] = a
    names, numbers = np.unique(group, return_counts=True)
    rank = {name: place for place, name in enumerate(names[np.argsort(-numbers, kind="stable")])}
    return np.array([rank[g] for g in group], int)


def has_majority(labels: np.ndarray) -> bool:
    """Whether label 0 has at least two thirds of the faces, and at least AGREE. Six and five is no
    majority."""
    own = int((labels == 0).sum())
    return own >= AGREE and own >= len(labels) * 2 / 3


def is_duplicate(said: Inspection, others: Sequence[Inspection]) -> bool:
    return any(bits_apart(said.hash, other.hash) <= DUPLICATE for other in others if other.accepted)


def is_stranger(said: Inspection, others: Sequence[Inspection]) -> bool:
    """Whether the accepted others show one person, and this photo clearly another."""
    kept = [o.embedding for o in others if o.accepted and o.embedding and o.embedder == said.embedder]
    threshold = SAME_PERSON.get(said.embedder)
    if threshold is None or len(kept) < AGREE:
        return False
    vectors = np.array(kept)
    labels = same_person(vectors, threshold)
    likeness = float((vectors[labels == 0] @ np.array(said.embedding)).mean())
    return has_majority(labels) and likeness < threshold - CLEARLY


@dataclass(frozen=True)
class Mix:
    """The people on a set of photos. `labels`: one per inspection, 0 the most frequent person, -1 without a
    vector; `counts`: photos per person; `majority`: see has_majority; `detail`: advice, "" for one person."""

    labels: tuple[int, ...]
    counts: tuple[int, ...]
    majority: bool
    detail: str


def mixed(inspections: Sequence[Inspection], threshold: float | None = None) -> Mix:
    """Groups a whole set by person, including refused photos. Uses only the last vector's embedder.

    `threshold` None: that of SAME_PERSON. Raises KeyError for an embedder that it lacks.
    """
    name = next((said.embedder for said in reversed(inspections) if said.embedding), "")
    known = [i for i, said in enumerate(inspections) if said.embedding and said.embedder == name]
    labels = np.full(len(inspections), -1)
    if known:
        vectors = np.array([inspections[i].embedding for i in known])
        limit = SAME_PERSON[name] if threshold is None else threshold
        labels[known] = same_person(vectors, limit)
    counts = tuple(np.bincount(labels[labels >= 0]).tolist())
    majority = has_majority(labels[labels >= 0])
    return Mix(tuple(labels.tolist()), counts, majority, _say_mix(counts, majority))


def _say_mix(counts: tuple[int, ...], majority: bool) -> str:
    if len(counts) < 2:
        return ""
    if majority:
        return f"{sum(counts[1:])} of {sum(counts)} photos seem to show somebody else. Replace those photos."
    shares = " and ".join(str(n) for n in counts)
    return f"These photos mix {len(counts)} people ({shares} photos). Choose photos of one person only."
