"""Plots are pure functions from numbers to SVG."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest

from support.insights import plots


@pytest.mark.parametrize(
    "low, high, expected",
    [
        (0, 0, [0]),
        (0, 1, [0, 1]),
        (0, 3, [0, 1, 2, 3]),
        (0, 7, [0, 5, 10]),
        (0, 2000, [0, 1000, 2000]),
        (0, 2345, [0, 1000, 2000, 3000]),
        (-3, 10, [-5, 0, 5, 10]),
        (-40, 0, [-40, -20, 0]),
        (0, 10**12, [0, 5 * 10**11, 10**12]),
    ],
)
def test_ticks_are_few_and_round(low: int, high: int, expected: list[int]) -> None:
    assert plots.ticks(low, high) == expected


def test_bars_are_stacked_and_extend_below_zero() -> None:
    series = [plots.Series("a", [10, 0]), plots.Series("b", [20, -10])]
    svg = plots.stacked_bars(plots.Plot("p", "T", "D", [date(2026, 11, 1), date(2026, 11, 2)], series))
    bars = re.findall(r'class="series-(\d)" x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', svg)
    assert plots.ticks(-10, 30) == [-20, 0, 20, 40]  # 220 px high in all: 60 credits
    px = 220 / 60
    zero = 10 + 40 * px
    assert [(n, float(y), float(h)) for n, y, h in bars] == [
        ("0", pytest.approx(zero - 10 * px, abs=0.1), pytest.approx(10 * px, abs=0.1)),
        ("1", pytest.approx(zero - 30 * px, abs=0.1), pytest.approx(20 * px, abs=0.1)),
        ("1", pytest.approx(zero, abs=0.1), pytest.approx(10 * px, abs=0.1)),
    ]


@pytest.mark.parametrize("draw", [plots.stacked_bars, plots.lines])
@pytest.mark.parametrize("days", [1, 30, 366])
def test_a_plot_of_zeros_is_drawn(draw: Any, days: int) -> None:
    dates = [date(2026, 1, 1) + timedelta(n) for n in range(days)]
    for series in ([], [plots.Series("a", [0] * days)]):
        svg = draw(plots.Plot("p", "T", "D", dates, series))
        assert "<rect" not in svg
        assert "nan" not in svg
        assert 1 <= len(re.findall(r">2026-\d\d-\d\d</text>|>2027-\d\d-\d\d</text>", svg)) <= 8


def test_a_line_of_one_day_is_a_point() -> None:
    svg = plots.lines(plots.Plot("p", "T", "D", [date(2026, 11, 1)], [plots.Series("a", [4])]))
    assert (
        '<circle class="series-0" cx="520.0" cy="10.0" r="3"><title>2026-11-01, a: 4</title></circle>' in svg
    )
