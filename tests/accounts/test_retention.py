"""What is past its time is deleted, by one task, and staff see when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import retaining, retention, tasks
from accounts.models import Export, PhotosKept, User
from accounts.privacy.models import PrivacyRequest, RetentionRun
from accounts.vault.vault import store
from config import registry
from tests.accounts.people import browser, log_in
from tests.rights import logged_in, staff_with

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def run(code: str) -> int:
    return retaining.run(retention.RULES[code])


def ago(**time: float) -> Any:
    return timezone.now() - timedelta(**time)


def test_every_rule_of_a_task_is_registered_and_no_other() -> None:
    assert {rule.code for rule in retention.carried_out()} == registry.retention.keys()


def test_the_times_are_those_that_are_promised() -> None:
    days = {
        code: retention.kept(code).days for code in ("refused_photos", "selfies", "archives", "logs", "keys")
    }
    assert days == {"refused_photos": 1, "selfies": 1, "archives": 7, "logs": 90, "keys": 7}
    assert timedelta(days=7) == Export.KEPT


def test_a_refused_photo_is_forgotten_within_a_day(twin: Any, photos: list[Any]) -> None:
    refused = photos[0]
    type(refused).objects.filter(id=refused.id).update(
        accepted=False, code="blurry", finished_at=ago(hours=22)
    )
    type(refused).objects.exclude(id=refused.id).update(finished_at=ago(days=30))
    assert run("refused_photos") == 0
    type(refused).objects.filter(id=refused.id).update(finished_at=ago(hours=23, minutes=1))
    assert run("refused_photos") == 1
    assert twin.photos.count() == len(photos) - 1


@pytest.fixture
def trained_long_ago(trained: Any, photos: list[Any]) -> Any:
    training = trained.active_training
    training.photos.set(photos[:3])
    type(training).objects.filter(id=training.id).update(finished_at=ago(days=31), status="succeeded")
    return trained


def test_photos_go_after_the_training_where_their_owner_chose_it(
    trained_long_ago: Any, photos: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    twin, files = trained_long_ago, store(trained_long_ago.user_id)
    files.write(photos[0].clean, b"x")
    assert run("trained_photos") == 0
    User.objects.filter(id=twin.user_id).update(photos_kept=PhotosKept.TRAINED)
    with django_capture_on_commit_callbacks(execute=True):
        assert run("trained_photos") == 3
    assert not files.exists(photos[0].clean)
    assert twin.photos.accepted().count() == len(photos) - 3  # those that were never trained with stay
    twin.refresh_from_db()
    assert twin.active_training_id


def test_photos_of_a_recent_or_open_training_stay(trained_long_ago: Any, photos: list[Any]) -> None:
    twin = trained_long_ago
    User.objects.filter(id=twin.user_id).update(photos_kept=PhotosKept.TRAINED)
    again = type(twin.active_training).objects.create(user=twin.user, twin=twin, number=9, base="nano")
    assert run("trained_photos") == 0
    type(again).objects.filter(id=again.id).update(status="succeeded", finished_at=ago(days=2))
    again.photos.set(photos[:2])
    assert run("trained_photos") == 1


def test_an_archive_is_deleted_after_seven_days(alice: Any) -> None:
    facts = {"user": alice, "scope": "everything", "status": "succeeded"}
    old = Export.objects.create(**facts, expires_at=ago(minutes=1))
    new = Export.objects.create(**facts, expires_at=timezone.now() + DAY)
    for each in (old, new):
        store(alice.id).write(each.file, b"x")
    assert run("archives") == 1
    assert list(Export.objects.all()) == [new]
    assert [store(alice.id).exists(each.file) for each in (old, new)] == [False, True]


def test_where_somebody_was_logged_in_goes_with_the_session(alice: Any) -> None:
    from allauth.usersessions.models import UserSession
    from django.contrib.sessions.models import Session

    assert log_in(browser(), alice.email)
    UserSession.objects.update(last_seen_at=ago(days=20))
    run("sessions")
    assert UserSession.objects.count() == 1  # the session is open
    Session.objects.update(expire_date=ago(minutes=1))
    assert run("sessions") == 1
    assert not UserSession.objects.exists()


def test_the_staffs_log_is_kept_for_ninety_days(alice: Any) -> None:
    from django.contrib.admin.models import LogEntry

    for days in (91, 89):
        LogEntry.objects.create(user=alice, action_flag=2, action_time=ago(days=days))
    assert run("staff_log") == 1


def test_the_keys_of_requests_are_forgotten_after_a_week(alice: Any) -> None:
    for days in (8, 6):
        Export.objects.create(user=alice, idempotency_key=str(days), created_at=ago(days=days))
    assert run("keys") == 1


def request_of(**facts: Any) -> PrivacyRequest:
    return PrivacyRequest.objects.create(kind="access", email="a@example.com", language="en", **facts)


def test_requests_go_if_nobody_confirms_them_and_two_years_after_the_answer() -> None:
    request_of(asked_at=ago(days=8))
    for days in (729, 731):
        at = ago(days=days)
        request_of(asked_at=at, proved_at=at, answered_at=at, outcome="done")
    kept = request_of(asked_at=ago(days=8), proved_at=ago(days=8))
    assert (run("requests"), run("answered_requests")) == (1, 1)
    assert PrivacyRequest.objects.count() == 2
    assert PrivacyRequest.objects.filter(id=kept.id).exists()


# ---------------------------------------------------------------- the task


def test_the_task_carries_out_what_is_due_and_notes_it(alice: Any) -> None:
    Export.objects.create(user=alice, expires_at=ago(minutes=1), status="succeeded")
    tasks.retain()
    runs = RetentionRun.objects.in_bulk()
    assert runs.keys() == registry.retention.keys()
    assert (runs["archives"].deleted, runs["archives"].total, runs["archives"].error) == (1, 1, "")
    assert retaining.run_due() == {}  # nothing is due now
    RetentionRun.objects.update(at=ago(hours=1))
    assert retaining.run_due().keys() == {r.code for r in retention.carried_out() if r.by is retention.HOURLY}


def test_a_rule_that_fails_stops_no_other_and_is_shown(monkeypatch: pytest.MonkeyPatch, alice: Any) -> None:
    def broken() -> int:
        raise OSError

    tasks.retain()
    monkeypatch.setitem(registry.retention, "archives", [broken])
    Export.objects.create(user=alice, idempotency_key="x", created_at=ago(days=8))
    RetentionRun.objects.update(at=ago(hours=2), done_at=ago(hours=3))
    tasks.retain()
    runs = RetentionRun.objects.in_bulk()
    assert (runs["archives"].error, runs["keys"].deleted) == ("OSError", 1)
    page = logged_in(staff_with("accounts.view_retentionrun")).get("/admin/accounts/retentionrun/")
    assert "OSError" in page.text
    assert page.text.count(">late<") == 1


def test_staff_see_every_rule_also_before_its_first_run() -> None:
    page = logged_in(staff_with("accounts.view_retentionrun")).get("/admin/accounts/retentionrun/").text
    assert page.count("<tr><th") >= len(retention.RULES)
    assert page.count(">late<") == len(retention.carried_out())
    assert logged_in(staff_with()).get("/admin/accounts/retentionrun/").status_code == 403


# ---------------------------------------------------------------- the owner's choice


def test_the_choice_about_photos_is_made_on_a_page_and_by_the_api(
    client: Any, as_alice: Any, alice: Any
) -> None:
    client.force_login(alice)
    assert client.post("/account/privacy/", {"photos_kept": "trained"}).status_code == 302
    alice.refresh_from_db()
    assert as_alice.get("/api/v1/me").json()["photos_kept"] == "trained"
    assert "checked" in client.get("/account/privacy/").text
    answer = as_alice.patch("/api/v1/me", {"photos_kept": "until_deleted"}, format="json")
    assert answer.json()["photos_kept"] == "until_deleted"
    assert as_alice.patch("/api/v1/me", {"photos_kept": "x"}, format="json").status_code == 422
    assert "is not one of" in client.post("/account/privacy/", {"photos_kept": "x"}).text
