"""The row holds the state: one worker has a run at a time, late workers change nothing, lost runs return."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import redis
from celery import current_app
from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.models import Export
from config.errors import AlreadyFinished, IdempotencyMismatch
from config.runs import broker, events, idempotency
from config.runs.idempotency import create_idempotent
from config.runs.models import Status
from config.runs.places import Places
from config.runs.sweeper import ENQUEUE_AGAIN, sweep_kind
from config.runs.worker import CRASHES, SAFE_POINT, Keeper, Lost, claimed
from config.web import event_stream, streams
from config.web.event_stream import snapshot
from ml.errors import MLError, Stopped
from tests import aio

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(alice: Any, wake_ups: list[Any]) -> Export:
    made = Export(user=alice, scope="items")
    made.enqueue()
    return made


def test_a_run_is_claimed_once(run: Export) -> None:
    first, second = Export.claim(run.id), Export.claim(run.id)
    assert first is not None
    assert second is None
    assert (first.status, first.attempt) == (Status.RUNNING, 1)


def test_a_late_worker_changes_nothing(run: Export) -> None:
    late = Export.claim(run.id)
    assert late
    Export.objects.filter(id=run.id).update(lease_until=timezone.now() - timedelta(seconds=1))
    sweep_kind(Export)
    new = Export.claim(run.id)
    assert new
    for act in (lambda: late.finish(size=1), lambda: late.progress("packing", 0.5)):
        with pytest.raises(Lost):
            act()
    late.fail("internal")
    assert not late.beat()
    new.finish(size=2)
    run.refresh_from_db()
    assert (run.status, run.size, run.attempt) == (Status.SUCCEEDED, 2, 2)


def test_progress_is_written_rarely_and_returns_whether_to_stop(
    run: Export, django_assert_num_queries: Any
) -> None:
    mine = Export.claim(run.id)
    assert mine
    assert mine.progress("packing", 0.1) is False
    with django_assert_num_queries(0):
        mine.progress("packing", 0.2)
    run.refresh_from_db()
    run.cancel()
    mine._written = 0.0
    assert mine.progress("packing", 0.3) is True


@pytest.mark.parametrize(
    "raised, status, code",
    [
        (MLError("out_of_memory", "no memory"), Status.FAILED, "out_of_memory"),
        (MLError("lora_broken", "bad file"), Status.FAILED, "engine_failed"),
        (Stopped(), Status.CANCELLED, ""),
        (Lost(), Status.RUNNING, ""),
    ],
)
def test_the_row_records_how_the_work_ended(run: Export, raised: Exception, status: str, code: str) -> None:
    with claimed(Export, run.id):
        raise raised
    run.refresh_from_db()
    assert (run.status, run.error_code) == (status, code)


def test_a_bug_shows_an_apology_and_is_raised_again(run: Export) -> None:
    with pytest.raises(ZeroDivisionError), claimed(Export, run.id):
        _ = 1 / 0
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.FAILED, "internal")
    assert "0" not in run.error_detail


def test_a_finish_after_a_cancel_is_a_cancel(run: Export) -> None:
    with claimed(Export, run.id) as mine:
        run.refresh_from_db()
        run.cancel()
        mine.finish(size=1)
    run.refresh_from_db()
    assert run.status == Status.CANCELLED
    with pytest.raises(AlreadyFinished):
        run.cancel()


def test_a_run_that_cannot_be_recovered_keeps_no_other_one_waiting(
    run: Export, alice: Any, wake_ups: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Export(user=alice, scope="items")
    other.enqueue()
    for each in (run, other):
        Export.claim(each.id)
    long_ago = timezone.now() - timedelta(minutes=1)
    Export.objects.update(lease_until=long_ago)
    Export.objects.filter(id=run.id).update(crashes=CRASHES - 1)
    monkeypatch.setattr(Export, "on_end", lambda self: 1 / 0)
    assert sweep_kind(Export) == 1
    run.refresh_from_db()
    other.refresh_from_db()
    assert (run.status, run.lease_until, other.status) == (Status.RUNNING, long_ago, Status.QUEUED)


def test_a_run_that_no_worker_claimed_is_enqueued_again(run: Export, wake_ups: list[Any]) -> None:
    wake_ups.clear()
    assert sweep_kind(Export) == 0
    Export.objects.filter(id=run.id).update(enqueued_at=timezone.now() - ENQUEUE_AGAIN - timedelta(seconds=1))
    assert sweep_kind(Export) == 1
    assert wake_ups == [("accounts.export", str(run.id), "io")]


def test_the_place_in_the_queue_counts_all_queued_runs(run: Export, alice: Any) -> None:
    second = Export(user=alice, scope="items")
    second.enqueue()
    assert [Places().of(run), Places().of(second)] == [1, 2]
    Export.claim(run.id)
    run.refresh_from_db()
    assert [Places().of(run), Places().of(second)] == [None, 1]


def crash(run: Export) -> None:
    """A worker claims the run and dies."""
    assert Export.claim(run.id)
    Export.objects.filter(id=run.id).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert sweep_kind(Export) == 1
    run.refresh_from_db()


def test_a_worker_that_is_told_to_stop_hands_its_run_back_at_once(
    run: Export, wake_ups: list[Any], told_to_stop: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True), claimed(Export, run.id) as mine:
        assert mine.progress("packing", 0.5) is True
        raise Stopped
    run.refresh_from_db()
    assert (run.status, run.attempt, run.crashes, run.lease_until) == (Status.QUEUED, 1, 0, None)
    assert wake_ups == [("accounts.export", str(run.id), "io")]
    with pytest.raises(Lost):
        mine.finish(size=1)


def test_a_stopping_worker_hands_its_run_back_without_a_safe_point(run: Export, told_to_stop: Any) -> None:
    mine = Export.claim(run.id)
    assert mine
    keeper = Keeper(mine)
    assert keeper.look()
    keeper.told_at = time.monotonic() - SAFE_POINT
    assert not keeper.look()
    run.refresh_from_db()
    assert (run.status, run.crashes) == (Status.QUEUED, 0)


def test_a_process_of_the_pool_that_gets_sigterm_itself_hands_its_run_back(run: Export) -> None:
    with pytest.raises(SystemExit), claimed(Export, run.id):
        raise SystemExit(1)
    run.refresh_from_db()
    assert (run.status, run.crashes) == (Status.QUEUED, 0)


def test_a_cancel_before_the_stop_is_a_cancel(run: Export, told_to_stop: Any) -> None:
    with claimed(Export, run.id):
        run.refresh_from_db()
        run.cancel()
        raise Stopped
    run.refresh_from_db()
    assert run.status == Status.CANCELLED


def test_an_unfinished_archive_is_handed_back_and_made_by_the_next_worker(
    run: Export, wake_ups: list[Any], told_to_stop: Any, work: Callable[[], int]
) -> None:
    from accounts.tasks import export
    from config import registry

    def told(_user: Any, _choice: Any) -> Any:
        yield registry.Member("a.txt", [b"a"])

    registry.item_exporters.append(told)
    try:
        export(str(run.id))
        run.refresh_from_db()
        assert run.status == Status.QUEUED
        told_to_stop.clear()
        export(str(run.id))
    finally:
        registry.item_exporters.remove(told)
    run.refresh_from_db()
    assert (run.status, run.attempt, run.crashes) == (Status.SUCCEEDED, 2, 0)


def test_a_run_fails_after_three_crashes_and_evictions_do_not_count(run: Export, told_to_stop: Any) -> None:
    for crashes in (1, 2, 3):
        for _ in range(2):
            with claimed(Export, run.id):
                raise Stopped
        crash(run)
        assert run.crashes == crashes
    assert (run.status, run.error_code, run.attempt) == (Status.FAILED, "worker_lost", 9)


def heard_by(user: Any) -> Any:
    """A subscription to the events of a user."""
    heard = redis.Redis.from_url(settings.REDIS_URL).pubsub(ignore_subscribe_messages=True)
    heard.subscribe(f"{events.CHANNEL}{user.pk}")
    heard.get_message(timeout=5)  # the answer to the subscription
    return heard


@pytest.mark.parametrize("shown", [True, False])
def test_a_hidden_run_works_and_sends_no_event(
    alice: Any,
    wake_ups: list[Any],
    work: Callable[[], int],
    shown: bool,
    django_capture_on_commit_callbacks: Any,
) -> None:
    heard, run = heard_by(alice), Export(user=alice, scope="items", shown=shown)
    with django_capture_on_commit_callbacks(execute=True):
        run.enqueue()
    assert bool(heard.get_message(timeout=5 if shown else 0)) is shown
    assert [row["id"] for row in snapshot(alice)] == [run.id] * shown
    assert bool(events.read(alice, {"model": "accounts.export", "id": str(run.id)})) is shown
    assert work() == 1
    run.refresh_from_db()
    assert run.status == Status.SUCCEEDED


def ask(user: Any, key: str, body_hash: str) -> Export:
    export = Export(user=user, scope="items")
    return create_idempotent(
        export, endpoint="exports", key=key, body_hash=body_hash, prepare=lambda e: e.enqueue()
    )


def test_the_same_key_returns_the_same_run(alice: Any, bob: Any, wake_ups: list[Any]) -> None:
    first = ask(alice, "k", "a")
    assert ask(alice, "k", "a").id == first.id
    assert ask(bob, "k", "a").id != first.id
    with pytest.raises(IdempotencyMismatch):
        ask(alice, "k", "b")


def test_a_refusal_is_not_remembered(alice: Any, wake_ups: list[Any]) -> None:
    def refuse(_run: Any) -> None:
        raise IdempotencyMismatch

    with pytest.raises(IdempotencyMismatch):
        create_idempotent(
            Export(user=alice, scope="items"), endpoint="exports", key="k", body_hash="a", prepare=refuse
        )
    assert ask(alice, "k", "a").status == Status.QUEUED


def together(count: int, act: Callable[[], Any]) -> list[Any]:
    """The results of `count` threads that call `act` at once; an exception is a result."""
    gate, got = threading.Barrier(count), []

    def one() -> None:
        try:
            gate.wait()
            got.append(act())
        except Exception as e:
            got.append(e)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


@pytest.mark.django_db(transaction=True)
def test_sixteen_requests_with_one_key_are_one_run(alice: Any, wake_ups: list[Any]) -> None:
    got = together(16, lambda: ask(alice, "k", "a").id)
    assert len(set(got)) == 1
    assert Export.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_sixteen_workers_claim_a_run_once(run: Export) -> None:
    assert sum(claimed is not None for claimed in together(16, lambda: Export.claim(run.id))) == 1


def test_a_key_is_forgotten_after_a_week(alice: Any, wake_ups: list[Any]) -> None:
    first, second = ask(alice, "k", "a"), ask(alice, "l", "a")
    Export.objects.filter(id=first.id).update(created_at=timezone.now() - timedelta(days=7, seconds=1))
    assert idempotency.forget() == 1
    assert ask(alice, "k", "b").id != first.id
    assert ask(alice, "l", "a").id == second.id


def test_a_broker_that_does_not_answer_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """This broker accepts the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        monkeypatch.setattr(current_app.conf, "broker_write_url", where)
        start = time.monotonic()
        assert broker.enqueue("accounts.export", 1, "io") is False
        assert time.monotonic() - start < 4 * broker.TIMEOUT


async def first_event(user: Any) -> bytes | None:
    open_streams = streams.Streams(event_stream._beginning, event_stream._changes)
    open_streams.listener.task = asyncio.current_task()  # a subscription that stands
    open_streams.listener.ready.set()
    async with aclosing(open_streams.send(streams.Stream(user, "", "en"))) as pieces:
        return await anext(pieces, None)


@pytest.mark.django_db(transaction=True)
def test_a_stream_that_was_let_in_while_its_account_was_closed_ends_at_once(alice: Any) -> None:
    """It missed the message that ends the account's streams."""
    type(alice).objects.update(is_active=False)
    assert aio.run(partial(first_event, alice)) is None


@pytest.mark.django_db(transaction=True)
def test_a_browser_gets_its_snapshot(alice: Any) -> None:
    """The user of a session is a lazy object."""
    found = aio.run(partial(first_event, SimpleLazyObject(lambda: alice)))
    assert found is not None
    assert found.startswith(b"event: snapshot")
