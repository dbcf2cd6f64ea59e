"""Deliveries: written when a run ends, sent, tried again for three days, and given up."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from standardwebhooks import Webhook as Verifier

from accounts.developers import dispatch, outcomes, sending, webhooks
from accounts.developers.models import Attempt, Delivery, Event, Webhook
from accounts.developers.tasks import deliver
from accounts.models import Export
from accounts.notices.models import Notice
from generation import kinds
from tests.receiver import Receiver, Taken

pytestmark = pytest.mark.django_db
ALL = list(Event)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_PRIVATE = True
    with Receiver() as found:
        yield found


def hook_to(user: Any, url: str, events: Any = ALL) -> tuple[Webhook, str]:
    return webhooks.create_webhook(user, url=url, events=events)


def ended(user: Any, how: str = "succeeded", **fields: Any) -> Export:
    run = Export(user=user, scope="items", **fields)
    run.enqueue()
    if how == "cancelled":
        run.cancel()
        return run
    mine = Export.claim(run.id)
    assert mine is not None
    mine.finish(size=1) if how == "succeeded" else mine.fail("internal")
    return mine


def due_now() -> None:
    Delivery.objects.filter(status="pending").update(next_at=timezone.now())


def only(receiver: Receiver) -> Taken:
    assert len(receiver.taken) == 1
    return receiver.taken[0]


# ---------------------------------------------------------------- written


def test_the_end_of_a_run_reaches_the_endpoint_signed(alice: Any, receiver: Receiver) -> None:
    _hook, secret = hook_to(alice, receiver.url("/ok"))
    run = ended(alice)
    assert deliver() == 1
    taken = only(receiver)
    said = Verifier(secret).verify(taken.body.decode(), taken.headers)
    assert (said["type"], said["data"]["id"]) == ("export.succeeded", str(run.id))
    assert said["timestamp"] == said["data"]["finished_at"]
    assert set(said["data"]) == {"id", "kind", "status", "error", "created_at", "finished_at"}
    row = Delivery.objects.get()
    assert (row.status, row.tries, taken.headers["webhook-id"]) == ("delivered", 1, row.message)
    assert (deliver(), len(receiver.taken)) == (0, 1)


@pytest.mark.parametrize("how", ["succeeded", "failed", "cancelled"])
def test_only_the_events_that_were_asked_for_are_sent(alice: Any, receiver: Receiver, how: str) -> None:
    hook_to(alice, receiver.url("/ok"), [f"export.{how}", "training.failed"])
    for each in ("succeeded", "failed", "cancelled"):
        ended(alice, each)
    deliver()
    assert json.loads(only(receiver).body)["type"] == f"export.{how}"


def test_a_strangers_run_and_a_hidden_one_are_told_to_nobody(
    alice: Any, bob: Any, receiver: Receiver
) -> None:
    hook_to(alice, receiver.url("/ok"))
    ended(bob)
    ended(alice, shown=False)
    assert (deliver(), receiver.taken) == (0, [])


def test_a_run_whose_end_is_rolled_back_is_not_told(alice: Any, receiver: Receiver) -> None:
    hook_to(alice, receiver.url("/ok"))

    with transaction.atomic():
        ended(alice)
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


def test_every_kind_of_job_is_about_something(alice: Any) -> None:
    jobs = {name for names in kinds.by_queue().values() for name in names}
    assert set(webhooks.ABOUT) - {"training", "export"} == jobs
    about = {
        f"{noun}.{end}" for noun in webhooks.ABOUT.values() for end in ("succeeded", "failed", "cancelled")
    }
    assert about == set(Event)


def test_the_messages_are_small_and_hold_no_word_of_the_user(
    alice: Any, twin: Any, receiver: Receiver
) -> None:
    from generation.models import Job

    hook_to(alice, receiver.url("/ok"))
    run = Job(user=alice, twin=twin, prompt="a secret wish", seed=1, status="failed", error_code="internal")
    webhooks.on_run_ended(run)
    body = Delivery.objects.get().body
    assert len(body) < 1000
    assert "secret wish" not in body
    assert json.loads(body)["data"]["error"] == {"code": "internal"}
    assert json.loads(body)["type"] == "generation.failed"


# ---------------------------------------------------------------- tried again


def test_what_fails_is_tried_ten_times_over_three_days(alice: Any, receiver: Receiver) -> None:
    hook, _secret = hook_to(alice, receiver.url("/status/500"))
    ended(alice)
    waits = []
    for _ in range(len(outcomes.WAITS)):
        due_now()
        assert deliver() == 1
        waits.append(Delivery.objects.get().next_at - timezone.now())
    row = Delivery.objects.get()
    assert (row.status, row.tries, Attempt.objects.filter(status=500).count()) == ("failed", 10, 10)
    for wait, usual in zip(waits[:-1], outcomes.WAITS[1:], strict=True):
        assert 0.85 * usual <= wait <= 1.15 * usual
    assert timedelta(days=3) < sum(outcomes.WAITS, timedelta()) < timedelta(days=4)
    assert {taken.headers["webhook-id"] for taken in receiver.taken} == {row.message}
    hook.refresh_from_db()
    assert hook.failing_since is not None
    assert not hook.disabled


@pytest.mark.parametrize("path, error, status", [("/moved", "", 301), ("/status/404", "", 404)])
def test_only_2xx_is_a_success(alice: Any, receiver: Receiver, path: str, error: str, status: int) -> None:
    hook_to(alice, receiver.url(path))
    ended(alice)
    deliver()
    assert Delivery.objects.get().status == "pending"
    assert Attempt.objects.values_list("status", "error").get() == (status, error)


def test_it_waits_as_long_as_it_is_asked_to(alice: Any, receiver: Receiver) -> None:
    hook_to(alice, receiver.url("/later/3600"))
    ended(alice)
    deliver()
    wait = Delivery.objects.get().next_at - timezone.now()
    assert timedelta(minutes=59) < wait <= timedelta(hours=1)


def test_a_success_ends_the_failing(alice: Any, receiver: Receiver) -> None:
    hook, _secret = hook_to(alice, receiver.url("/status/500"))
    ended(alice)
    deliver()
    Webhook.objects.update(url=receiver.url("/ok"))
    due_now()
    deliver()
    hook.refresh_from_db()
    assert (hook.failing_since, Delivery.objects.get().status) == (None, "delivered")


def test_each_try_has_its_own_time_and_both_secrets_sign_for_a_day(alice: Any, receiver: Receiver) -> None:
    hook, old = hook_to(alice, receiver.url("/ok"))
    new = webhooks.rotate_secret(hook)
    ended(alice)
    deliver()
    taken = only(receiver)
    for secret in (old, new):
        Verifier(secret).verify(taken.body.decode(), taken.headers)
    Webhook.objects.update(former_until=timezone.now())
    hook.refresh_from_db()
    assert webhooks.secrets_of(hook) == [new]


# ---------------------------------------------------------------- given up


def test_410_turns_it_off_and_tells_the_owner(
    alice: Any, receiver: Receiver, django_capture_on_commit_callbacks: Any
) -> None:
    hook, _secret = hook_to(alice, receiver.url("/status/410"))
    ended(alice)
    ended(alice)
    with django_capture_on_commit_callbacks(execute=True):
        deliver()
    hook.refresh_from_db()
    assert (hook.disabled, len(receiver.taken)) == ("gone", 1)
    assert set(Delivery.objects.values_list("status", flat=True)) == {"failed"}
    assert Notice.objects.owned_by(alice).get(kind="webhook_off").subject_id == hook.id
    ended(alice)
    assert Delivery.objects.count() == 2


def test_ten_days_of_failures_turn_it_off(
    alice: Any, receiver: Receiver, django_capture_on_commit_callbacks: Any
) -> None:
    hook, _secret = hook_to(alice, receiver.url("/status/500"))
    for days, why in ((9, ""), (10, "failing")):
        Webhook.objects.update(failing_since=timezone.now() - timedelta(days=days))
        ended(alice)
        with django_capture_on_commit_callbacks(execute=True):
            deliver()
        hook.refresh_from_db()
        assert hook.disabled == why
    assert Notice.objects.owned_by(alice).filter(kind="webhook_off").count() == 1


def test_nothing_is_sent_for_a_suspended_account(alice: Any, receiver: Receiver) -> None:
    hook_to(alice, receiver.url("/ok"))
    ended(alice)
    alice.is_active = False
    alice.save()
    assert (deliver(), receiver.taken) == (0, [])


def test_what_was_deleted_while_it_was_sent_is_forgotten(alice: Any, receiver: Receiver) -> None:
    hook, _secret = hook_to(alice, receiver.url("/ok"))
    ended(alice)
    taken = dispatch.take(10, 10)
    hook.delete()
    outcomes.record([(taken[0], sending.Outcome(5, 200))])
    assert not Attempt.objects.exists()


# ---------------------------------------------------------------- many at once


def test_an_endpoint_gets_one_at_a_time_in_order(alice: Any, receiver: Receiver) -> None:
    hook_to(alice, receiver.url("/ok"))
    runs = [ended(alice) for _ in range(4)]
    assert len(dispatch.take(10, 10)) == 1
    assert dispatch.take(10, 10) == []
    Webhook.objects.update(busy_until=timezone.now() - timedelta(seconds=1))  # its dispatcher died
    assert deliver() == 4
    assert [json.loads(taken.body)["data"]["id"] for taken in receiver.taken] == [str(r.id) for r in runs]


def test_one_that_hangs_keeps_nobody_waiting(
    alice: Any, bob: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "WHOLE", 3.0)
    slow, _secret = hook_to(alice, receiver.url("/hang"))
    hook_to(bob, receiver.url("/ok"))
    ended(alice)
    for _ in range(3):
        ended(bob)
    began = time.time()
    assert deliver() == 4
    assert [taken.at - began < 2 for taken in receiver.taken if taken.path == "/ok"] == [True] * 3
    slow.refresh_from_db()
    assert slow.hung_at is not None
    assert Attempt.objects.get(error="timeout").milliseconds >= 3000


def test_those_that_hung_share_few_places(alice: Any, receiver: Receiver) -> None:
    for n in range(6):
        hook_to(alice, receiver.url(f"/ok/{n}"))
    Webhook.objects.filter(id__in=Webhook.objects.values("id")[:4]).update(hung_at=timezone.now())
    ended(alice)
    assert len(dispatch.take(10, 2)) == 4
    assert len(dispatch.take(1, 2)) == 1
    assert len(dispatch.take(0, 0)) == 0


@pytest.mark.django_db(transaction=True)
def test_one_dispatcher_runs_at_a_time(receiver: Receiver) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    from tests.conftest import person

    hook_to(person("carol@example.com"), receiver.url("/ok"))
    webhooks.send_test(Webhook.objects.get())

    def other() -> int:
        try:
            return deliver()
        finally:
            connection.close()

    with dispatch._alone() as mine, ThreadPoolExecutor(1) as thread:
        assert mine
        assert thread.submit(other).result() == 0
    assert deliver() == 1


def test_old_ones_are_deleted(alice: Any, receiver: Receiver) -> None:
    hook_to(alice, receiver.url("/ok"))
    for days in (29, 31):
        ended(alice)
        Delivery.objects.filter(status="pending").update(
            status="delivered", created_at=timezone.now() - timedelta(days=days)
        )
    assert webhooks.forget_old() == 1
    assert Delivery.objects.count() == 1
