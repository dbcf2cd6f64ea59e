"""The row is the truth: one worker at a time, late ones change nothing, what is lost comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Export
from config.errors import AlreadyFinished, IdempotencyMismatch
from config.runs import idempotency
from config.runs.idempotency import create_idempotent
from config.runs.models import Status
from config.runs.places import Places
from config.runs.sweeper import ENQUEUE_AGAIN, sweep_kind
from config.runs.worker import Lost, claimed
from ml.errors import MLError, Stopped

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(alice: Any, rings: list[Any]) -> Export:
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


def test_progress_is_written_seldom_and_its_answer_is_whether_to_stop(
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
def test_how_work_ends_is_in_the_row(run: Export, raised: Exception, status: str, code: str) -> None:
    with claimed(Export, run.id):
        raise raised
    run.refresh_from_db()
    assert (run.status, run.error_code) == (status, code)


def test_a_bug_is_an_apology_and_still_raised(run: Export) -> None:
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


def test_what_nobody_took_is_enqueued_again(run: Export, rings: list[Any]) -> None:
    rings.clear()
    assert sweep_kind(Export) == 0
    Export.objects.filter(id=run.id).update(enqueued_at=timezone.now() - ENQUEUE_AGAIN - timedelta(seconds=1))
    assert sweep_kind(Export) == 1
    assert rings == [("accounts.export", str(run.id))]


def test_the_place_in_the_queue_counts_all_kinds_of_it(run: Export, alice: Any) -> None:
    second = Export(user=alice, scope="items")
    second.enqueue()
    assert [Places().of(run), Places().of(second)] == [1, 2]
    Export.claim(run.id)
    run.refresh_from_db()
    assert [Places().of(run), Places().of(second)] == [None, 1]


def ask(user: Any, key: str, body_hash: str) -> Export:
    export = Export(user=user, scope="items")
    return create_idempotent(
        export, endpoint="exports", key=key, body_hash=body_hash, prepare=lambda e: e.enqueue()
    )


def test_a_key_is_one_run_whatever_it_has_become(alice: Any, bob: Any, rings: list[Any]) -> None:
    first = ask(alice, "k", "a")
    assert ask(alice, "k", "a").id == first.id
    assert ask(bob, "k", "a").id != first.id
    with pytest.raises(IdempotencyMismatch):
        ask(alice, "k", "b")


def test_a_refusal_is_not_remembered(alice: Any, rings: list[Any]) -> None:
    def refuse(_run: Any) -> None:
        raise IdempotencyMismatch

    with pytest.raises(IdempotencyMismatch):
        create_idempotent(
            Export(user=alice, scope="items"), endpoint="exports", key="k", body_hash="a", prepare=refuse
        )
    assert ask(alice, "k", "a").status == Status.QUEUED


def together(count: int, act: Callable[[], Any]) -> list[Any]:
    """What `count` threads got that did it at once; an exception is its result."""
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
def test_sixteen_requests_with_one_key_are_one_run(alice: Any, rings: list[Any]) -> None:
    got = together(16, lambda: ask(alice, "k", "a").id)
    assert len(set(got)) == 1
    assert Export.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_sixteen_workers_claim_a_run_once(run: Export) -> None:
    assert sum(claimed is not None for claimed in together(16, lambda: Export.claim(run.id))) == 1


def test_a_key_is_forgotten_after_a_week(alice: Any, rings: list[Any]) -> None:
    first, second = ask(alice, "k", "a"), ask(alice, "l", "a")
    Export.objects.filter(id=first.id).update(created_at=timezone.now() - timedelta(days=7, seconds=1))
    assert idempotency.forget() == 1
    assert ask(alice, "k", "b").id != first.id
    assert ask(alice, "l", "a").id == second.id
