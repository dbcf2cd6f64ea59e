"""deploy/prometheus and deploy/grafana: the rules hold, and /metrics exports each name in them."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client

from tests.support.test_metrics import on  # noqa: F401  /metrics is there

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS, GRAFANA = ROOT / "deploy" / "prometheus", ROOT / "deploy" / "grafana"
RULES = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())
SERIES = ("rules_test.yml", "rules_days_test.yml")  # the second has what takes hours
MADE = runpy.run_path(str(GRAFANA / "make.py"))
BUILT_IN = {"up", "inf", "nan", "and", "or", "unless", "bool", "offset"}


def rules(kind: str) -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"] if kind in rule]


def names(expression: str) -> set[str]:
    """The metrics in an expression of PromQL."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]', " ", expression)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    return set(re.findall(r"(?<![\w.:])[a-zA-Z_:][\w:]*(?![\w:]|\s*\()", bare)) - BUILT_IN


def panels() -> Iterator[str]:
    for board in MADE["boards"]().values():
        yield from (query for panel in board for query in panel["queries"].values())


EXPRESSIONS = [*(rule["expr"] for rule in (*rules("alert"), *rules("record"))), *panels()]


def exported(text: str) -> set[str]:
    """The names of all series, and of those that have none yet."""
    found = set(re.findall(r"^([a-zA-Z_:][\w:]*)[ {]", text, re.MULTILINE))
    return found | set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


def test_names_are_found_in_an_expression() -> None:
    said = 'max by (a, le) (rate(x_total{b=~"c_d"}[5m])) / on (f) (y:z_1h > 14.4 * 0.001) or vector(0)'
    assert names(said) == {"x_total", "y:z_1h"}


@pytest.mark.django_db
def test_every_metric_of_a_rule_or_a_panel_is_exported(client: Client) -> None:
    client.get("/")
    known = exported(client.get("/metrics").text) | {rule["record"] for rule in rules("record")}
    wanted = set().union(*map(names, EXPRESSIONS))
    assert len(wanted) > 25
    assert wanted - known == set()


def test_every_alert_is_shown_to_go_off_and_has_its_page() -> None:
    alerts = {rule["alert"] for rule in rules("alert")}
    written = [yaml.safe_load((PROMETHEUS / name).read_text()) for name in SERIES]
    cases = [case for each in written for test in each["tests"] for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == alerts
    page = (ROOT / "docs" / "operations" / "alerts.md").read_text()
    assert set(re.findall(r"^### (\w+)$", page, re.MULTILINE)) == alerts


def test_prometheus_itself_takes_the_files_and_the_written_series_set_off_the_alerts() -> None:
    """Where Debian's package `prometheus` is installed."""
    if program := shutil.which("promtool"):
        for words in (("check", "config", "prometheus.yml"), ("test", "rules", *SERIES)):
            done = subprocess.run([program, *words], cwd=PROMETHEUS, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboards_are_those_of_the_list() -> None:
    found = dict(MADE["files"]())
    assert {path.name for path in found} == {path.name for path in GRAFANA.glob("*.json")}
    assert [path.name for path, text in found.items() if path.read_text() != text] == []
    assert len(set(EXPRESSIONS)) > 40
