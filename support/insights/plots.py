"""Plots as SVG, without JavaScript: pure functions from numbers to markup.

The colours are in static/figures.css.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT = 960, 260  # of the view box; the page scales it
LEFT, RIGHT, TOP, BOTTOM = 90, 950, 10, 230  # the plot's edges in the view box
COLOURS = 6  # colours in the style sheet; the seventh series gets the first colour again
LABELS = 8  # dates below the plot, at most


@dataclass(frozen=True)
class Series:
    """One number for each day of a plot."""

    name: str
    values: Sequence[int]


@dataclass(frozen=True)
class Plot:
    """The data of a plot. `ident` is unique on the page, `desc` is a sentence, `say` formats a number."""

    ident: str
    title: str
    desc: str
    days: Sequence[date]
    series: Sequence[Series]
    say: Callable[[int], str] = str


def stacked_bars(plot: Plot) -> SafeString:
    """One bar a day with its series stacked; negative values extend below the zero line."""
    columns = list(zip(*(s.values for s in plot.series)))
    marks = ticks(
        min((sum(v for v in column if v < 0) for column in columns), default=0),
        max((sum(v for v in column if v > 0) for column in columns), default=0),
    )
    return _svg(plot, marks, format_html_join("", BAR, _bars(plot, marks)))


BAR = '<rect class="series-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'


def _bars(plot: Plot, marks: Sequence[int]) -> Iterator[tuple[object, ...]]:
    wide = _step(plot) * 0.8
    for i, day in enumerate(plot.days):
        up = down = 0
        for n, series in enumerate(plot.series):
            value = series.values[i]
            low, high = (up, up + value) if value > 0 else (down + value, down)
            up, down = max(up, high), min(down, low)
            if value:
                top, tall = _y(high, marks), _y(low, marks) - _y(high, marks)
                x = _x(plot, i) - wide / 2
                yield n % COLOURS, _f(x), _f(top), _f(wide), _f(tall), _says(plot, day, series.name, value)


def lines(plot: Plot) -> SafeString:
    """A line for each series that is not all zeros, with a point at each value that is not zero."""
    values = [value for s in plot.series for value in s.values]
    marks = ticks(min(values, default=0), max(values, default=0))
    return _svg(
        plot,
        marks,
        format_html_join(
            "", "{}", ((_line(plot, n, marks),) for n, s in enumerate(plot.series) if any(s.values))
        ),
    )


def _line(plot: Plot, n: int, marks: Sequence[int]) -> SafeString:
    series, colour = plot.series[n], n % COLOURS
    at = [(_f(_x(plot, i)), _f(_y(value, marks))) for i, value in enumerate(series.values)]
    points = format_html_join(
        "",
        '<circle class="series-{}" cx="{}" cy="{}" r="3"><title>{}</title></circle>',
        (
            (colour, *xy, _says(plot, day, series.name, value))
            for xy, day, value in zip(at, plot.days, series.values)
            if value
        ),
    )
    path = " ".join(f"{x},{y}" for x, y in at)
    return format_html('<polyline class="series-{}" points="{}"/>{}', colour, path, points)


def ticks(low: int, high: int) -> list[int]:
    """Round numbers that span `low` to `high` and include zero: at most four if no value has another sign."""
    low, high = min(low, 0), max(high, 0)
    rounds = (digit * 10**power for power in count() for digit in (1, 2, 5))
    step = next(step for step in rounds if high - low <= 3 * step)
    return list(range(low // step * step, -(-high // step) * step + 1, step))


# ---------------------------------------------------------------- parts


def _svg(plot: Plot, marks: Sequence[int], inside: SafeString) -> SafeString:
    return format_html(
        '<svg class="plot" viewBox="0 0 {} {}" role="img" aria-labelledby="{ident}-title {ident}-desc">'
        '<title id="{ident}-title">{}</title><desc id="{ident}-desc">{}</desc>{}{}</svg>',
        WIDTH,
        HEIGHT,
        plot.title,
        plot.desc,
        _axes(plot, marks),
        inside,
        ident=plot.ident,
    )


def _axes(plot: Plot, marks: Sequence[int]) -> SafeString:
    across = format_html_join(
        "",
        '<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>',
        (
            ("grid" if mark else "zero", LEFT, RIGHT, y, y, LEFT - 8, y, plot.say(mark))
            for mark in marks
            for y in [_f(_y(mark, marks))]
        ),
    )
    every = -(-len(plot.days) // LABELS)
    below = format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="middle">{}</text>',
        ((_f(_x(plot, i)), BOTTOM + 20, plot.days[i].isoformat()) for i in range(0, len(plot.days), every)),
    )
    return format_html("{}{}", across, below)


def _step(plot: Plot) -> float:
    return (RIGHT - LEFT) / len(plot.days)


def _x(plot: Plot, i: int) -> float:
    """The x coordinate of the middle of day `i`."""
    return LEFT + (i + 0.5) * _step(plot)


def _y(value: int, marks: Sequence[int]) -> float:
    span = marks[-1] - marks[0]
    return BOTTOM - (value - marks[0]) / span * (BOTTOM - TOP) if span else BOTTOM


def _f(x: float) -> str:
    """One decimal, with a point in every language, as SVG requires."""
    return f"{x:.1f}"


def _says(plot: Plot, day: date, name: str, value: int) -> str:
    return f"{day.isoformat()}, {name}: {plot.say(value)}"
