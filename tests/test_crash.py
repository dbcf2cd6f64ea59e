"""Kills a web process or a worker at each step from the request to the capture. See bench/crash.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from bench.crash import Outcome, Scene, asker, kill_web, kill_worker, ledger_check, scene
from bench.house import person
from bench.mortal import LEASE, WEB, WORKER, Step
from config.runs import sweeper
from tests.plugin import Share

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.workers]


@pytest.fixture(scope="module")
def at(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("crash")) as made:
        yield made


@pytest.mark.parametrize("kill, steps", [(kill_web, WEB), (kill_worker, WORKER)], ids=["web", "worker"])
def test_wherever_it_is_killed_all_is_well_again(
    at: Scene, kill: Callable[..., Outcome], steps: tuple[Step, ...], share: Share, monkeypatch: Any
) -> None:
    monkeypatch.setattr(sweeper, "ENQUEUE_AGAIN", timedelta(seconds=LEASE))
    who = asker(person("alice"))
    some = share.of(steps, 3)
    assert {step.name: kill(at, who, step).wrong for step in some} == {step.name: [] for step in some}
    assert ledger_check(at.folder) == []
