"""An erasure leaves nothing of the account in database and vault, and touches no other account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import erasure, tasks
from accounts.models import DataKey, User
from accounts.vault.vault import store
from billing import audit, ledger
from tests.accounts.leftovers import ANNA, BERT, contents, files_of
from tests.conftest import client_of, jpeg
from tests.factory import PASSWORD, full_user, start_work

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_storage")]


def test_nothing_of_an_erased_user_is_left(anna: Any, bert: Any, erase: Callable[[Any], Any]) -> None:
    words = (ANNA, str(anna.id), anna.id.hex)
    assert len(contents(*words)) > 25
    assert len(files_of(anna.id)) > 7
    erase(anna)
    assert contents(*words) == []
    assert files_of(anna.id) == {}
    assert not DataKey.objects.filter(user_id=anna.id).exists()


def test_others_are_untouched_byte_for_byte(anna: Any, bert: Any, erase: Callable[[Any], Any]) -> None:
    words = (BERT, str(bert.id), str(ledger.wallet_of(bert).id))
    before, files = sorted(contents(*words)), files_of(bert.id)
    erase(anna)
    assert (sorted(contents(*words)), files_of(bert.id)) == (before, files)
    assert store(bert.id).read(next(iter(files)))


def test_money_and_decisions_stay_under_a_number_that_names_nobody(
    anna: Any, erase: Callable[[Any], Any]
) -> None:
    from billing.models import Invoice, Transfer
    from moderation.models import AuditEntry

    wallet = ledger.wallet_of(anna).id
    entries = AuditEntry.objects.count()
    erase(anna)
    assert Transfer.objects.filter(wallet=wallet).exists()
    assert Invoice.objects.filter(wallet=wallet).exists()
    assert AuditEntry.objects.filter(account=wallet, verb="prompt_refused", actor=None).exists()
    assert AuditEntry.objects.filter(verb="warned", subject_id=str(wallet)).exists()
    assert AuditEntry.objects.count() > entries  # the erasure copies the admin's log to the audit log
    assert audit.problems() == []


def test_the_admins_log_keeps_what_staff_did_without_the_name(erase: Callable[[Any], Any]) -> None:
    from django.contrib.admin.models import LogEntry

    staff = User.objects.create_superuser("staff@example.com", PASSWORD)
    anna = full_user(ANNA, staff=staff)
    erase(anna)
    kept = LogEntry.objects.filter(user=staff)
    assert {(entry.object_repr, entry.object_id) for entry in kept} == {("", None)}
    assert kept.count() == 3


def test_a_large_gallery_is_deleted_without_reading_it(anna: Any, erase: Callable[[Any], Any]) -> None:
    with CaptureQueriesContext(connection) as done:
        erase(anna)
    read = [q["sql"] for q in done.captured_queries if q["sql"].startswith("SELECT")]
    assert any('"gallery_item"."id"' in sql for sql in read)
    assert [sql for sql in read if '"gallery_item"."prompt"' in sql] == []


def test_open_runs_are_stopped_and_their_holds_released_first(
    anna: Any, wake_ups: Any, erase: Callable[[Any], Any]
) -> None:
    training, wallet = start_work(anna), ledger.wallet_of(anna)
    assert ledger.balance(wallet).held == 21
    erase(anna)
    assert not training.beat()  # the worker has lost its lease
    assert ledger.balance(wallet).held == 0
    assert audit.problems() == []


def test_an_erasure_during_a_training_ends_the_worker_too(
    engine: Any,
    twin: Any,
    photos: list[Any],
    work: Any,
    erase: Callable[[Any], Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    """The fake engine erases the account at its first step, like a request while a worker trains."""
    from twins import services

    owner, done = twin.user, []
    engine.on_step = lambda stage, share: done or done.append(erase(owner))
    with django_capture_on_commit_callbacks(execute=True):
        services.start_training(twin, seed=1)
    work()
    assert done
    assert done[0].erased_at
    assert files_of(owner.id) == {}
    assert contents(str(owner.id)) == []


def test_an_erasure_while_a_photo_is_checked_leaves_no_bytes(
    judge: Any, twin: Any, work: Any, erase: Callable[[Any], Any], django_capture_on_commit_callbacks: Any
) -> None:
    from twins import services

    owner, done = twin.user, []
    judge.verdict = lambda data: done.append(erase(owner)) or ""  # type: ignore[func-returns-value]
    with django_capture_on_commit_callbacks(execute=True):
        services.add_photo(twin, data=jpeg(3), file_name="me.jpg")
    work()
    assert done
    assert files_of(owner.id) == {}
    assert contents(str(owner.id)) == []


# ---------------------------------------------------------------- asking


def test_the_password_is_asked_for_again(anna: Any) -> None:
    client = client_of(anna)
    for body, code in (
        ({}, "reauthentication_required"),
        ({"password": "wrong"}, "invalid"),
        ({"code": "1"}, "invalid"),
    ):
        answer = client.delete("/api/v1/me", body, format="json")
        assert answer.json()["code"] == code
    assert User.objects.get(id=anna.id).is_active


def test_a_code_of_the_second_factor_is_accepted_instead(anna: Any) -> None:
    from allauth.mfa.models import Authenticator

    codes = Authenticator.objects.get(user=anna, type="recovery_codes").wrap()
    answer = client_of(anna).delete("/api/v1/me", {"code": codes.get_unused_codes()[0]}, format="json")
    assert answer.status_code == 202


def test_wrong_passwords_are_counted_per_user(anna: Any, bert: Any) -> None:
    guesses = [client_of(anna).delete("/api/v1/me", {"password": "wrong"}, format="json") for _ in range(6)]
    assert guesses[-1].json()["code"] == "rate_limited"
    assert client_of(bert).delete("/api/v1/me", {"password": PASSWORD}, format="json").status_code == 202


def test_every_session_and_token_ends_with_the_request(client: Any, anna: Any) -> None:
    from allauth.mfa.models import Authenticator

    Authenticator.objects.filter(user=anna).delete()  # so that a password is enough to log in
    login = {"email": anna.email, "password": PASSWORD}
    tokens = client.post("/_allauth/app/v1/auth/login", login, content_type="application/json").json()
    client.cookies.clear()
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {tokens['meta']['access_token']}"}
    asked = client.delete("/api/v1/me", {"password": PASSWORD}, content_type="application/json", **bearer)
    assert asked.status_code == 202
    assert asked.json().keys() == {"id", "asked_at"}
    again = client.delete("/api/v1/me", {"password": PASSWORD}, content_type="application/json", **bearer)
    assert (again.status_code, again.json()["code"]) == (401, "not_authenticated")
    refused = client.post("/_allauth/app/v1/auth/login", login, content_type="application/json")
    assert refused.status_code == 400


def test_two_requests_make_one_erasure(anna: Any) -> None:
    stale = User.objects.get(id=anna.id)
    assert erasure.ask(anna).id == erasure.ask(stale).id


def test_a_second_request_that_comes_after_all_is_erased_is_refused_like_a_strangers(
    anna: Any, erase: Callable[[Any], Any]
) -> None:
    """It was let in before the first one closed the account, and took longer."""
    stale = client_of(User.objects.get(id=anna.id))
    erase(anna)
    answer = stale.delete("/api/v1/me", {"password": PASSWORD}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_staff_are_not_erased_by_themselves(db: None) -> None:
    staff = User.objects.create_superuser("staff@example.com", PASSWORD)
    answer = client_of(staff).delete("/api/v1/me", {"password": PASSWORD}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "staff_account")


def test_the_page_erases_and_says_so(client: Any, anna: Any) -> None:
    client.force_login(anna)
    assert b"proof" in client.get("/account/erase/").content
    wrong = client.post("/account/erase/", {"proof": "wrong"}, follow=True)
    assert User.objects.get(id=anna.id).is_active, wrong
    answer = client.post("/account/erase/", {"proof": PASSWORD}, follow=True)
    assert "being erased" in answer.content.decode()
    assert client.get("/account/").status_code == 302


def test_the_receipt_comes_once_in_the_readers_language_and_the_address_is_forgotten(
    anna: Any, erase: Callable[[Any], Any]
) -> None:
    User.objects.filter(id=anna.id).update(language="es")
    receipt = erase(anna)
    tasks.erase(str(receipt.id))
    (sent,) = mail.outbox
    assert sent.to == [f"{ANNA}@example.com"]
    assert str(receipt.id) in sent.body
    assert "Recibo" in sent.body
    assert ANNA not in sent.body + sent.subject
    assert (receipt.account, receipt.email) == (None, "")


def test_a_new_account_with_the_same_address_sees_nothing_of_the_old_one(
    client: Any, anna: Any, erase: Callable[[Any], Any]
) -> None:
    email = anna.email
    erasure.ask(anna)  # also while the old account is still being erased
    made = client.post(
        "/_allauth/app/v1/auth/signup",
        {"email": email, "password": PASSWORD},
        content_type="application/json",
    )
    assert made.status_code == 200
    new = User.objects.get(email=email)
    tasks.erasures()
    for path in ("twins", "items", "photos", "generations", "albums"):
        assert client_of(new).get(f"/api/v1/{path}").json()["results"] == []
    assert User.objects.filter(id=new.id).exists()


def test_what_a_wrong_password_left_under_the_hash_of_an_address_goes_when_it_expires(
    client: Any, anna: Any, erase: Callable[[Any], Any]
) -> None:
    client.post("/accounts/login/", {"login": anna.email, "password": "wrong"})
    erase(anna)
    assert len(contents("passwords")) == 3  # of the IP address, of the account, of the account from there
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_cache SET expires = now() - interval '1 minute'")
    tasks.retain()
    assert contents("passwords") == []


def test_a_session_past_its_time_is_deleted(client: Any, anna: Any) -> None:
    from django.contrib.sessions.models import Session

    client.force_login(anna)
    Session.objects.update(expire_date=timezone.now() - timedelta(minutes=1))
    tasks.retain()
    assert not Session.objects.exists()
