"""A process whose clock is wrong loses no run, takes none from another, and keeps nobody waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from celery import current_app
from celery.exceptions import Ignore
from django.utils import timezone

from accounts.models import Export
from config.runs import circuit, clock, rounds
from config.runs.models import Status
from config.runs.sweeper import ENQUEUE_AGAIN, sweep_kind
from config.runs.worker import LEASE
from config.start import beat
from generation.models import Job
from tests.support.rows import job

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OFF = pytest.mark.parametrize("off", [HOUR, -HOUR, -DAY], ids=["an hour ahead", "an hour back", "a day back"])
Wrong = Callable[[timedelta], Any]


@pytest.fixture
def wrong() -> Wrong:
    """The clock of this process is off, in a block."""
    true = timezone.now
    return lambda off: patch("django.utils.timezone.now", lambda: true() + off)


@pytest.fixture
def run(alice: Any, wake_ups: list[Any]) -> Export:
    made = Export(user=alice, scope="items")
    made.enqueue()
    wake_ups.clear()
    return made


@OFF
@pytest.mark.django_db
def test_a_sweeper_takes_no_run_whose_worker_is_alive(run: Export, wrong: Wrong, off: timedelta) -> None:
    assert Export.claim(run.id)
    with wrong(off):
        assert sweep_kind(Export) == 0
    run.refresh_from_db()
    assert (run.status, run.attempt, run.crashes) == (Status.RUNNING, 1, 0)


@OFF
@pytest.mark.django_db
def test_a_lease_ends_when_it_should(run: Export, wrong: Wrong, off: timedelta) -> None:
    with wrong(off):
        mine = Export.claim(run.id)
        assert mine
        assert mine.beat()
    left = Export.objects.get(id=run.id).lease_until - clock.now()
    assert timedelta() < left <= LEASE
    Export.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    with wrong(off):
        assert sweep_kind(Export) == 1


@OFF
@pytest.mark.django_db
def test_a_wake_up_that_was_lost_is_sent_again_in_time(
    alice: Any, wake_ups: list[Any], wrong: Wrong, off: timedelta
) -> None:
    with wrong(off):
        run = Export(user=alice, scope="items")
        run.enqueue()
    assert abs(clock.now() - run.created_at) < timedelta(minutes=1)
    assert sweep_kind(Export) == 0
    Export.objects.update(enqueued_at=run.enqueued_at - ENQUEUE_AGAIN)
    with wrong(-off):
        assert sweep_kind(Export) == 1


@pytest.mark.django_db
def test_a_run_that_waits_for_its_service_does_not_fail_early(alice: Any, wrong: Wrong) -> None:
    waits = job(alice, 1, status="running", attempt=1, finished_at=None)
    waits.postpone("engine_away")
    Job.objects.update(status="running")
    with wrong(HOUR):
        Job.objects.get().postpone("engine_away")
    assert Job.objects.get().status == Status.QUEUED


# ---------------------------------------------------------------- beat


@pytest.fixture
def scheduler(tmp_path: Path, all_tasks: Any) -> Iterator[rounds.Scheduler]:
    made = rounds.Scheduler(app=current_app._get_current_object(), schedule_filename=str(tmp_path / "beat"))
    yield made
    made.close()


def test_beat_goes_on_when_its_clock_is_put_back(scheduler: rounds.Scheduler) -> None:
    scheduler.tick()
    with patch.object(scheduler.app, "now", lambda: datetime.now(UTC) - DAY):
        assert 0 < scheduler.tick() <= min(seconds for _task, seconds, _queue in beat.TASKS.values())


def test_a_start_that_a_newer_one_overtook_is_dropped(scheduler: rounds.Scheduler, all_tasks: Any) -> None:
    entry, task = scheduler.schedule["sweep"], all_tasks["config.sweep"]
    circuit.client().set("round:config.sweep", 6)
    with patch.object(task, "apply_async") as send:
        scheduler.apply_async(entry)
        scheduler.apply_async(entry)
    old, new = (call.kwargs["headers"]["round"] for call in send.call_args_list)
    for number, dropped in ((old, True), (new, False), (None, False)):
        task.push_request(round=number)
        try:
            task.before_start("", (), {})
            assert not dropped
        except Ignore:
            assert dropped
        finally:
            task.pop_request()
