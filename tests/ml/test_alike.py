"""Groups of hashes that differ in a few bits."""

from __future__ import annotations

import numpy as np

from ml.alike import MOST, groups


def hashes(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**63, count, dtype=np.uint64) << np.uint64(1)


def flipped(value: np.uint64, *bits: int) -> np.uint64:
    for bit in bits:
        value = np.uint64(value) ^ np.uint64(1 << bit)
    return np.uint64(value)


def as_lists(values: np.ndarray) -> list[list[int]]:
    return [part.tolist() for part in groups(values)]


def test_nothing_is_like_nothing() -> None:
    assert as_lists(np.empty(0, np.uint64)) == []
    assert as_lists(hashes(1)) == []
    assert as_lists(hashes(2000)) == []


def test_equal_ones_and_those_with_few_bits_apart_are_a_group() -> None:
    values = hashes(50)
    values[7] = values[3]
    values[20] = flipped(values[3], 0, 31, 63)
    values[40] = flipped(values[41], *range(MOST + 1))
    assert as_lists(values) == [[3, 7, 20]]


def test_groups_are_joined_by_who_is_like_both() -> None:
    values = hashes(9)
    for i in range(1, 9):  # each 3 bits from the one before
        values[i] = flipped(values[i - 1], *(3 * i + n for n in range(3)))
    assert as_lists(values) == [list(range(9))]


def test_every_pair_is_found_wherever_the_bits_differ() -> None:
    rng = np.random.default_rng(2)
    values = hashes(4000)
    for i in range(0, 4000, 2):
        values[i + 1] = flipped(values[i], *rng.choice(64, MOST, replace=False).tolist())
    found = {tuple(part) for part in as_lists(values)}
    assert found == {(i, i + 1) for i in range(0, 4000, 2)}


def test_it_finds_what_comparing_all_pairs_finds() -> None:
    """On hashes that share most of their bits, as those of portraits do."""
    rng = np.random.default_rng(3)
    values = np.array([flipped(np.uint64(0), *rng.choice(40, 4, replace=False).tolist()) for _ in range(400)])
    near = np.bitwise_count(values[:, None] ^ values[None]) <= MOST
    reach = near.astype(int)
    for _ in range(9):
        reach = ((reach @ reach) > 0).astype(int)
    wanted = {tuple(np.flatnonzero(row).tolist()) for row in reach if row.sum() > 1}
    assert {tuple(part) for part in as_lists(values)} == wanted
