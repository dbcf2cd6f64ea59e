"""Compares faces: finds duplicates and strangers among photos, and groups photos by person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.copies import has_copy
from ml.measures import PROFILE, bits_apart
from ml.nets.scales import SCALES, is_drawn
from ml.types import Inspection

# Bits of 64: 80 copies of real photos at other sizes and qualities differ by 0 to 2 bits, two photos of one
# sitting (or of two people in the same studio pose) by at least 4.
DUPLICATE = 2
AGREE = 3  # photos of the same person needed before another face is called a stranger's


def distances(vectors: np.ndarray) -> np.ndarray:
    """(N, D) -> (N, N) Euclidean distances."""
    v = np.asarray(vectors, np.float64)
    return np.linalg.norm(v[:, None] - v[None], axis=2)


def same_person(distance: np.ndarray, limit: float) -> np.ndarray:
    """(N, N) distances -> (N,) labels, one per person; 0 is the person with the most faces.

    Average linkage: joins the two groups with the least mean distance while it is at most `limit`. One face
    that looks like two people therefore does not join them. An infinite distance never joins.
    """
    count = len(distance)
    sums = np.array(distance, np.float64).reshape(count, count)
    sizes, group = np.ones(count), np.arange(count)
    np.fill_diagonal(sums, np.inf)
    while count:
        means = sums / np.outer(sizes, sizes)
        a, b = np.unravel_index(means.argmin(), means.shape)
        if means[a, b] > limit:
            break
        sums[a] += sums[b]
        sums[:, a] += sums[:, b]
        sums[b] = sums[:, b] = np.inf
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
    """By the hash; where both faces are known, also by the pixels of the faces that are nearly alike."""
    kept = [other for other in others if other.accepted]
    alike = any(bits_apart(said.hash, other.hash) <= DUPLICATE for other in kept)
    return alike or has_copy(said, kept)


def is_stranger(said: Inspection, others: Sequence[Inspection]) -> bool:
    """Whether the accepted others show one person, and this photo clearly another, or the same one in another
    way: a drawing among photographs, a photograph among drawings. A profile is not judged."""
    kept = [o for o in others if o.accepted and is_judged(o)]
    if not is_judged(said) or len(kept) < AGREE:
        return False
    if sum(is_drawn(o.embedder) != is_drawn(said.embedder) for o in kept) >= len(kept) * 2 / 3:
        return True
    alike = [o for o in kept if o.embedder == said.embedder]
    if len(alike) < AGREE:
        return False
    scale, vectors = SCALES[said.embedder], np.array([o.embedding for o in alike])
    labels = same_person(distances(vectors), scale.same)
    apart = np.linalg.norm(vectors[labels == 0] - np.array(said.embedding), axis=1).mean()
    return has_majority(labels) and float(apart) > scale.other


def is_judged(said: Inspection) -> bool:
    """Whether the photo's vector says who it shows."""
    return bool(said.embedding) and said.embedder in SCALES and abs(said.yaw) < PROFILE


@dataclass(frozen=True)
class Mix:
    """The people on a set of photos. `labels`: one per inspection, 0 the most frequent person, -1 without a
    vector; `counts`: photos per person; `majority`: see has_majority; `detail`: advice, "" for one person."""

    labels: tuple[int, ...]
    counts: tuple[int, ...]
    majority: bool
    detail: str


def mixed(inspections: Sequence[Inspection]) -> Mix:
    """Groups a whole set by person, including refused photos. Faces of different embedders never join."""
    known = [i for i, said in enumerate(inspections) if is_judged(said)]
    labels = np.full(len(inspections), -1)
    labels[known] = same_person(in_limits([inspections[i] for i in known]), 1.0)
    counts = tuple(np.bincount(labels[labels >= 0]).tolist())
    majority = has_majority(labels[labels >= 0])
    return Mix(tuple(labels.tolist()), counts, majority, _say_mix(counts, majority))


def people(inspections: Sequence[Inspection]) -> list[list[int]]:
    """Indexes by person, the most frequent person first; without faces that are not judged. Groups stay apart
    only where a photo would be refused for it, at mean distances above `Scale.other`."""
    names = Counter(said.embedder for said in inspections if is_judged(said))
    # While an embedder replaces another of its kind (`reembed_photos`), only the more frequent one speaks.
    speaks = {is_drawn(name): name for name, _count in reversed(names.most_common())}.values()
    known = [i for i, said in enumerate(inspections) if is_judged(said) and said.embedder in speaks]
    labels = same_person(in_limits([inspections[i] for i in known], "other"), 1.0)
    return [
        [known[i] for i in np.flatnonzero(labels == person)] for person in range(max(labels, default=-1) + 1)
    ]


def in_limits(inspections: Sequence[Inspection], limit: str = "same") -> np.ndarray:
    """(N, N) distances as multiples of a limit of their Scale; infinite between vectors of different
    embedders."""
    apart = np.full((len(inspections), len(inspections)), np.inf)
    for name in {said.embedder for said in inspections}:
        own = [i for i, said in enumerate(inspections) if said.embedder == name]
        vectors = np.array([inspections[i].embedding for i in own])
        apart[np.ix_(own, own)] = distances(vectors) / getattr(SCALES[name], limit)
    return apart


def _say_mix(counts: tuple[int, ...], majority: bool) -> str:
    if len(counts) < 2:
        return ""
    if majority:
        return f"{sum(counts[1:])} of {sum(counts)} photos seem to show somebody else. Replace those photos."
    shares = " and ".join(str(n) for n in counts)
    return f"These photos mix {len(counts)} people ({shares} photos). Choose photos of one person only."
