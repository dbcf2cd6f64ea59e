"""Listeners in `registry.run_ended` hear each end of a run once, and cannot undo it."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Export
from config import registry
from config.runs.models import Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, str]]:
    found: list[tuple[Any, str]] = []
    monkeypatch.setattr(registry, "run_ended", [lambda run: found.append((run.id, run.status))])
    return found


def new_run(user: Any) -> Export:
    run = Export(user=user, scope="items")
    run.enqueue()
    return run


def test_each_end_is_told_once(alice: Any, heard: list[tuple[Any, str]]) -> None:
    done, failed, left = (new_run(alice) for _ in range(3))
    for run, end in ((done, lambda mine: mine.finish(size=1)), (failed, lambda mine: mine.fail("internal"))):
        mine = Export.claim(run.id)
        end(mine)
        mine.fail("internal")
    left.cancel()
    left.stop()
    assert heard == [(done.id, Status.SUCCEEDED), (failed.id, Status.FAILED), (left.id, Status.CANCELLED)]


def test_a_listener_that_fails_changes_nothing(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run(alice)

    def broken(ended: Any) -> None:
        Export.objects.filter(id=ended.id).delete()
        raise RuntimeError

    monkeypatch.setattr(registry, "run_ended", [broken])
    run.cancel()
    assert Export.objects.get(id=run.id).status == Status.CANCELLED
