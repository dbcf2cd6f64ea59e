"""Whose faces these are: one person's among others, and a set of photos sorted by person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.measures import bits_apart
from ml.types import Inspection

# Bits of 64: 80 copies of real photos at other sizes and qualities differ by 0 to 2, two photos of a sitting
# (or of two people in one studio pose) by 4 and more.
DUPLICATE = 2
AGREE = 3  # faces that must agree before another is called a stranger's
CLEARLY = 0.05  # cosine below the threshold: a wrong "not you" annoys more than one odd photo harms
# Mean cosine from which faces are one person's, by embedder. Drawn heads of one unseen person have 0.64 and
# more in 99 of 100 pairs, of two people a median of 0.03; real ones reach down to 0.32 between a front and
# a three-quarter view (`python -m bench.faces`): the figure lies where hardly any real photo of the same
# person is turned away.
SAME_PERSON = {"drawn-contrast-1": 0.45}


def same_person(vectors: np.ndarray, threshold: float) -> np.ndarray:
    """(N, D) unit vectors -> (N,) labels, one a person, 0 the one with the most faces.

    Average linkage: the two groups of highest mean cosine are joined while it reaches `threshold`, so that
    one face that looks like two people does not chain them.
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
    """Is label 0 at least two thirds of them, and enough to be believed? Six and six, one of them unusable,
    is none."""
    own = int((labels == 0).sum())
    return own >= AGREE and own >= len(labels) * 2 / 3


def is_duplicate(said: Inspection, others: Sequence[Inspection]) -> bool:
    return any(bits_apart(said.hash, other.hash) <= DUPLICATE for other in others if other.accepted)


def is_stranger(said: Inspection, others: Sequence[Inspection]) -> bool:
    """Do the accepted others agree on a person, and is this clearly not the one?"""
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
    """Who is on a set of photos. `labels`: one per inspection, 0 the person seen most, -1 without a vector;
    `counts`: photos per person; `majority`: is person 0 on most; `detail`: what to do, "" for one person."""

    labels: tuple[int, ...]
    counts: tuple[int, ...]
    majority: bool
    detail: str


def mixed(inspections: Sequence[Inspection], threshold: float | None = None) -> Mix:
    """Sort a whole set, refused photos included, by person, as far as they share the last one's embedder.

    `threshold` None: that of SAME_PERSON; raises KeyError for an embedder that is not in it.
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
