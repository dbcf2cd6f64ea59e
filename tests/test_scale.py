"""The table of machines, on a short list of users."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench import scale

PICTURE = {"draft": 0.5, "standard": 0.7, "high": 1.0}


@pytest.fixture(scope="module")
def rows() -> list[scale.Row]:
    return [scale.row(users, PICTURE) for users in (20, 400)]


def test_more_users_need_more(rows: list[scale.Row]) -> None:
    few, many = rows
    assert 10 < many.requests / few.requests < 40
    assert (few.webs, few.house, few.engines) == (2, 2, 1)  # the least, and one process may end
    assert many.disk > 10 * few.disk
    assert many.connections <= 200


def test_what_is_paid_is_the_sum_of_its_parts(rows: list[scale.Row]) -> None:
    free = replace(rows[0], machines_cost=0, traffic_cost=0)
    assert free.cost == free.disk_cost > 0


def test_every_constant_has_a_source_and_a_unit() -> None:
    assert all(each.value > 0 and each.unit and each.source for each in scale.CONSTANTS)
