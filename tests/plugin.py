"""Loaded before Django: PostgreSQL, Redis and keys for this run alone, in a temporary folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from config.start import checkout

FOLDER = Path(tempfile.mkdtemp(prefix="photoflux-tests-"))
SERVICES = checkout.prepare_anew(FOLDER, fast=True)
os.environ["HF_HUB_OFFLINE"] = "1"
PARTS = {"train": "training", "browser": "the browser", "workers": "processes that are started and killed"}


def pytest_unconfigure(config: Any) -> None:
    for service in SERVICES:
        service.discard()
    shutil.rmtree(FOLDER, ignore_errors=True)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The time of each part: setup, call and teardown of its tests."""
    parts: dict[str, float] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if hasattr(report, "duration") and hasattr(report, "nodeid"):
                marks = report.keywords
                part = next((PARTS[m] for m in PARTS if m in marks), "the rest")
                parts[part] = parts.get(part, 0.0) + report.duration
    terminalreporter.section("time of each part")
    for part, seconds in sorted(parts.items()):
        terminalreporter.write_line(f"{seconds:8.1f} s  {part}")
