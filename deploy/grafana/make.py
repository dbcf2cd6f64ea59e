"""Writes the dashboards for Grafana from boards.yml: `python deploy/grafana/make.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
SOURCE = {"type": "prometheus", "uid": "${source}"}


def panel(number: int, about: dict[str, Any]) -> dict[str, Any]:
    targets = [
        {"refId": chr(65 + i), "expr": query, "legendFormat": legend, "datasource": SOURCE}
        for i, (legend, query) in enumerate(about["queries"].items())
    ]
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": about["title"],
        "datasource": SOURCE,
        "gridPos": {"x": 12 * (number % 2), "y": 8 * (number // 2), "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": about["unit"], "min": 0}, "overrides": []},
        "targets": targets,
    }


def board(name: str, panels: list[dict[str, Any]]) -> dict[str, Any]:
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return {
        "uid": f"photoflux-{name}",
        "title": f"PhotoFlux: {name}",
        "tags": ["photoflux"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source]},
        "panels": [panel(number, each) for number, each in enumerate(panels)],
    }


def boards() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = yaml.safe_load((HERE / "boards.yml").read_text())
    return found


def files() -> Iterator[tuple[Path, str]]:
    for name, panels in boards().items():
        yield HERE / f"{name}.json", json.dumps(board(name, panels), indent=2) + "\n"


if __name__ == "__main__":
    for path, text in files():
        path.write_text(text)
