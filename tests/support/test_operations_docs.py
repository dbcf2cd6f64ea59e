"""The commands of docs/operations that need neither a cluster nor another machine are run."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from support.maintenance import now

DOCS = Path(__file__).resolve().parents[2] / "docs" / "operations"
PAGES = (
    "alerts.md",
    "logs.md",
    "maintenance.md",
    "metrics.md",
)  # the others are about containers and clusters
# What other tests run, and what needs a server that is not here.
ELSEWHERE = (
    *(
        "promtool ",
        "python deploy/grafana/make.py",
        "python -m config.start.units",
    ),  # tests of watching and units
    *("METRICS_FROM=127.0.0.1 make run", "curl ", "prometheus ", "filebeat "),
)


def commands(page: str) -> list[str]:
    blocks = re.findall(r"^```\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]


def test_each_command_is_run_here_or_by_another_test() -> None:
    found = [command for page in PAGES for command in commands(page)]
    assert len(found) > 10
    assert [c for c in found if not c.startswith(("manage.py ", *ELSEWHERE))] == []


@pytest.fixture
def fresh() -> Iterator[None]:
    yield
    now._Seen.row, now._Seen.at = None, 0.0


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["maintenance.md", "logs.md"])
def test_the_commands_of_a_page_run_one_after_another(page: str, fresh: None) -> None:
    said = io.StringIO()
    with redirect_stdout(said):
        for command in commands(page):
            if command.startswith("manage.py "):
                name, *words = shlex.split(command)[1:]
                try:
                    call_command(name, *words)
                except CommandError as error:  # each page shows times that are far away, and what comes after
                    print(error)
    assert ("at most 60 days" in said.getvalue()) is (page == "maintenance.md")
    assert bool(re.search(r"^[0-9a-f]{16}$", said.getvalue(), re.MULTILINE)) is (page == "logs.md")


@pytest.mark.django_db
def test_the_checks_that_alerts_name_are_there() -> None:
    named = set(re.findall(r"`manage\.py (\w+)", (DOCS / "alerts.md").read_text()))
    for name in sorted(named - {"maintenance", "retry_events", "backup"}):
        call_command(name, stdout=io.StringIO())
    assert named >= {"ledger_check", "audit_check", "maintenance", "retry_events"}
