"""Groups of pictures that look alike, among many: by perceptual hashes of 64 bits that differ in a few.

Hashes that differ in at most MOST bits have one of MOST + 1 bands of bits in common. So only hashes with an
equal band are compared, and not all pairs. No torch.
"""

from __future__ import annotations

import numpy as np

MOST = 3  # bits of 64 in which two pictures that look alike differ
BANDS = MOST + 1
# How many neighbours of a band a hash is compared with. It bounds the work where thousands share a band.
REACH = 2000


def groups(hashes: np.ndarray) -> list[np.ndarray]:
    """(N,) uint64 -> the indexes of each group of at least two, in rising order. Who is like somebody of a
    group belongs to it."""
    values, each = np.unique(hashes, return_inverse=True)
    label = _joined(len(values), _pairs(values))[each]
    order = np.argsort(label, kind="stable")
    starts = np.flatnonzero(np.diff(label[order], prepend=-1))
    sizes = np.diff(starts, append=len(label))
    return [order[start : start + size] for start, size in zip(starts[sizes > 1], sizes[sizes > 1])]


def _pairs(values: np.ndarray) -> np.ndarray:
    """(P, 2) indexes of values that differ in at most MOST bits."""
    found = [np.empty((0, 2), np.int64)]
    for band in range(BANDS):
        keys = _band(values, band)
        order = np.argsort(keys, kind="stable")  # of the sorted values: near ones stand near in a band
        sorted_keys, sorted_values = keys[order], values[order]
        left = np.arange(len(values))
        for step in range(1, REACH + 1):
            left = left[left + step < len(values)]
            left = left[sorted_keys[left] == sorted_keys[left + step]]
            if not len(left):
                break
            near = np.bitwise_count(sorted_values[left] ^ sorted_values[left + step]) <= MOST
            found.append(np.stack([order[left[near]], order[left[near] + step]], axis=1))
    return np.concatenate(found)


def _band(values: np.ndarray, band: int) -> np.ndarray:
    """Every BANDS-th bit: the low frequencies, which pictures share most often, are spread over all bands."""
    key = np.zeros(len(values), np.uint64)
    for bit in range(band, 64, BANDS):
        key = (key << np.uint64(1)) | ((values >> np.uint64(bit)) & np.uint64(1))
    return key


def _joined(count: int, pairs: np.ndarray) -> np.ndarray:
    """(count,) labels: equal for what pairs join. Each takes the least label among its neighbours, until
    nothing changes; halving the ways keeps that to a few rounds."""
    label = np.arange(count)
    a, b = pairs[:, 0], pairs[:, 1]
    while (label[a] != label[b]).any():
        least = np.minimum(label[a], label[b])
        for side in (label[a], label[b]):  # the labels' own labels, so that whole groups follow
            np.minimum.at(label, side, least)
        np.minimum.at(label, a, least)
        np.minimum.at(label, b, least)
        label = label[label]
    return label
