"""Short names for the kinds of metrics, and the histograms that the database counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Count, F, Q, Sum
from prometheus_client.core import CounterMetricFamily, GaugeHistogramMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

PREFIX = "photoflux_"
Rows = Iterable[tuple[tuple[str, ...], float]]  # (values of the labels, value)


def gauge(name: str, about: str, rows: Rows | float, labels: tuple[str, ...] = ()) -> Metric:
    return _filled(GaugeMetricFamily(PREFIX + name, about, labels=labels), rows)


def counter(name: str, about: str, rows: Rows | float, labels: tuple[str, ...] = ()) -> Metric:
    return _filled(CounterMetricFamily(PREFIX + name, about, labels=labels), rows)


def _filled(family: Any, rows: Rows | float) -> Metric:
    for labels, value in [((), rows)] if isinstance(rows, (int, float)) else rows:
        family.add_metric(labels, value)
    return family


def histogram(name: str, about: str, label: str, rows: Mapping[str, dict[str, Any]], edges: Any) -> Metric:
    """`rows`: value of the label -> what `counted` gave. It is of a span of time, so it is read as it is,
    without rate()."""
    family = GaugeHistogramMetricFamily(PREFIX + name, about, labels=(label,))
    for value, row in rows.items():
        buckets = [(str(float(edge)), row[f"le_{i}"] or 0) for i, edge in enumerate(edges)]
        family.add_metric((value,), [*buckets, ("+Inf", row["n"] or 0)], row["total"] or 0.0)
    return family


def counted(column: str, edges: Any) -> dict[str, Any]:
    """Aggregates for `histogram`: how many rows have at most each edge in `column`, all, and their sum."""
    under = {f"le_{i}": Count("pk", filter=Q(**{f"{column}__lte": edge})) for i, edge in enumerate(edges)}
    return under | {"n": Count(column), "total": Sum(F(column))}


def nothing(edges: Any) -> dict[str, int]:
    return dict.fromkeys([*(f"le_{i}" for i in range(len(edges))), "n", "total"], 0)
