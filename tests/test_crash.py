"""Kills a web process or a worker at each step from the request to the capture. See bench/crash.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.crash import Outcome, Scene, asker, kill_web, kill_worker, ledger_check, scene
from bench.crash_remote import SWEEP, owner, remote_scene
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
    """By default at one step: the web process after the commit, the worker between two pictures."""
    monkeypatch.setattr(sweeper, "ENQUEUE_AGAIN", timedelta(seconds=LEASE))
    who = asker(person("alice"))
    some = steps if share.thorough else steps[3:4]
    assert {step.name: kill(at, who, step).wrong for step in some} == {step.name: [] for step in some}
    assert ledger_check(at.folder) == []


@pytest.mark.thorough
@pytest.mark.parametrize("kill, steps", [(k, s) for _who, k, s in SWEEP], ids=[who for who, *_ in SWEEP])
def test_a_training_at_a_service_is_sent_once_whoever_is_killed(
    kill: Any, steps: tuple[Any, ...], tmp_path: Path, monkeypatch: Any, settings: Any
) -> None:
    """Without killing processes, tests/twins/test_hosted_trainings.py tests the same by default."""
    monkeypatch.setattr(sweeper, "ENQUEUE_AGAIN", timedelta(seconds=LEASE))
    settings.REMOTES, settings.STUDIO_PROFILES = {}, ["nano"]  # restored after the test
    with remote_scene(tmp_path) as at:
        twin = owner("alice")
        assert {str(step): kill(at, twin, step).wrong for step in steps} == {str(step): [] for step in steps}
        assert ledger_check(tmp_path) == []
