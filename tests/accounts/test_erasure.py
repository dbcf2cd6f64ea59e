"""The end of an account: nothing of it is left in database and vault, and nobody else's is touched."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.files.storage import FileSystemStorage, storages
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import erasure, tasks, tombstones
from accounts.models import DataKey, Erasure, User
from accounts.vault.vault import store
from billing import audit, ledger
from tests.conftest import client_of, jpeg
from tests.factory import PASSWORD, full_user, start_work
from tests.processes import database_url

pytestmark = pytest.mark.django_db
ANNA, BERT = "amaranth", "bergamot"  # words that are in nothing else


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path) -> None:
    """The vault and the tombstones of this test alone."""
    places = {
        name: {"BACKEND": "django.core.files.storage.FileSystemStorage"} for name in ("default", "tombstones")
    }
    for name, place in places.items():
        place["OPTIONS"] = {"location": str(tmp_path / name)}  # type: ignore[assignment]
    settings.STORAGES = {**settings.STORAGES, **places}


@pytest.fixture
def anna(db: None) -> Any:
    return full_user(ANNA)


@pytest.fixture
def bert(db: None) -> Any:
    return full_user(BERT)


@pytest.fixture
def erase(django_capture_on_commit_callbacks: Any) -> Callable[[Any], Any]:
    """As the request and the worker do it; the receipt."""

    def run(user: Any) -> Erasure:
        with django_capture_on_commit_callbacks(execute=True):
            asked = erasure.ask(user)
            tasks.erase(str(asked.id))
        asked.refresh_from_db()
        return asked

    return run


def tables() -> list[str]:
    return [t for t in connection.introspection.table_names() if t != "django_migrations"]


def contents(*needles: str) -> list[str]:
    """The rows of every table in which one of the words stands, whatever the column's type."""
    found = []
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            found += [
                f"{table}: {row}" for (row,) in cursor.fetchall() if any(n in row.lower() for n in needles)
            ]
    return found


def files_of(user_id: Any) -> dict[str, str]:
    folder = Path(settings.STORAGES["default"]["OPTIONS"]["location"]) / "users" / user_id.hex
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file()
    }


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


def test_money_and_decisions_stay_under_a_number_that_leads_nowhere(
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
    assert AuditEntry.objects.count() > entries  # what was done in the admin is kept there, too
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


def test_work_under_way_is_stopped_and_released_first(
    anna: Any, wake_ups: Any, erase: Callable[[Any], Any]
) -> None:
    training, wallet = start_work(anna), ledger.wallet_of(anna)
    assert ledger.balance(wallet).held == 21
    erase(anna)
    assert not training.beat()  # its worker has lost it
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
    """The double erases at its first step, as a request would while a worker trains."""
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


def test_a_code_of_the_second_factor_does_as_well(anna: Any) -> None:
    from allauth.mfa.models import Authenticator

    codes = Authenticator.objects.get(user=anna, type="recovery_codes").wrap()
    answer = client_of(anna).delete("/api/v1/me", {"code": codes.get_unused_codes()[0]}, format="json")
    assert answer.status_code == 202


def test_guesses_are_counted_and_harm_nobody_else(anna: Any, bert: Any) -> None:
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


def test_asked_for_twice_at_once_it_is_one_request(anna: Any) -> None:
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
    (letter,) = mail.outbox
    assert letter.to == [f"{ANNA}@example.com"]
    assert str(receipt.id) in letter.body
    assert "Recibo" in letter.body
    assert ANNA not in letter.body + letter.subject
    assert (receipt.account, receipt.email) == (None, "")


def test_the_same_address_is_a_stranger_afterwards(
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
    assert len(contents("login_failed")) == 2  # by the address that asked, and by the one that was typed
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_cache SET expires = now() - interval '1 minute'")
    tasks.tidy()
    assert contents("login_failed") == []


def test_a_session_past_its_time_is_deleted(client: Any, anna: Any) -> None:
    from django.contrib.sessions.models import Session

    client.force_login(anna)
    Session.objects.update(expire_date=timezone.now() - timedelta(minutes=1))
    tasks.tidy()
    assert not Session.objects.exists()


# ---------------------------------------------------------------- crashes, backups


class NoMail(BaseEmailBackend):
    """A server for e-mail that is away."""

    def send_messages(self, messages: Any) -> int:
        raise ConnectionRefusedError


class NoDisk(FileSystemStorage):
    """A storage that is away."""

    def listdir(self, path: str) -> Any:
        raise OSError(errno.EIO, "input/output error")


def test_without_a_mail_server_the_receipt_is_sent_later(anna: Any, settings: Any) -> None:
    asked, works = erasure.ask(anna), settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "tests.accounts.test_erasure.NoMail"
    tasks.erasures()
    assert not User.objects.filter(id=anna.id).exists()
    assert list(erasure.unfinished()) == [asked]
    settings.EMAIL_BACKEND = works
    assert tasks.erasures() == 1
    assert len(mail.outbox) == 1
    assert tasks.erasures() == 0


def test_a_hundred_receipts_that_cannot_be_sent_hold_no_erasure_up(anna: Any, settings: Any) -> None:
    long_ago = timezone.now() - timedelta(days=1)
    done = {"asked_at": long_ago, "erased_at": timezone.now(), "email": "a@example.com"}
    Erasure.objects.bulk_create(Erasure(**done) for _ in range(100))
    erasure.ask(anna)
    settings.EMAIL_BACKEND = "tests.accounts.test_erasure.NoMail"
    tasks.erasures()
    assert not User.objects.filter(id=anna.id).exists()


def test_an_address_that_takes_no_receipt_is_forgotten_after_a_week(anna: Any, settings: Any) -> None:
    asked = erasure.ask(anna)
    settings.EMAIL_BACKEND = "tests.accounts.test_erasure.NoMail"
    tasks.erasures()
    Erasure.objects.filter(id=asked.id).update(erased_at=timezone.now() - timedelta(days=8))
    tasks.erasures()
    assert contents(ANNA) == []


def test_with_the_storage_away_the_key_is_gone_and_the_files_follow(anna: Any, settings: Any) -> None:
    asked, works = erasure.ask(anna), settings.STORAGES
    away = {**works["default"], "BACKEND": "tests.accounts.test_erasure.NoDisk"}
    settings.STORAGES = {**works, "default": away}
    tasks.erasures()
    assert not DataKey.objects.filter(user_id=anna.id).exists()
    assert list(erasure.unfinished()) == [asked]
    settings.STORAGES = works
    tasks.erasures()
    assert files_of(anna.id) == {}
    assert not erasure.unfinished().exists()


def test_a_login_that_waits_for_its_second_factor_is_erased_too(
    client: Any, anna: Any, erase: Callable[[Any], Any]
) -> None:
    from django.contrib.sessions.models import Session

    client.post("/accounts/login/", {"login": anna.email, "password": PASSWORD})
    waiting = client.session
    assert anna.email in str(dict(waiting.items()))
    assert "_auth_user_id" not in waiting
    erase(anna)
    assert not Session.objects.filter(session_key=waiting.session_key).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.workers
def test_killed_before_each_of_its_statements_it_is_finished_by_the_next(anna: Any, tmp_path: Path) -> None:
    asked = erasure.ask(anna)
    places = {"VAR": str(tmp_path), "DATABASE_URL": database_url()}
    program = (sys.executable, "-m", "tests.accounts.mortal_erasure", str(asked.id))
    done = subprocess.run(program, env={**os.environ, **places}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) > 50  # as often was it killed
    assert contents(ANNA, str(anna.id)) == []
    assert audit.problems() == []


def test_a_restored_backup_does_not_start_until_its_erasures_are_replayed(
    anna: Any, bert: Any, erase: Callable[[Any], Any], tmp_path: Path
) -> None:
    folder = tmp_path / "default"
    backup = {
        kind: list(kind.objects.filter(**of))
        for kind, of in ((User, {"id": anna.id}), (DataKey, {"user": anna}))
    }
    shutil.copytree(folder, tmp_path / "copy")
    photo = next(iter(anna.twins.get().photos.filter(accepted=True))).clean
    erase(anna)
    assert tombstones.alive() == []
    for rows in backup.values():
        for row in rows:
            type(row)(**{f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields}).save(
                force_insert=True
            )
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "copy", folder)
    assert store(anna.id).read(photo)
    assert tombstones.alive() == [anna.id]
    call_command("replay_erasures", stdout=io.StringIO())
    assert tombstones.alive() == []
    assert files_of(anna.id) == {}
    with pytest.raises(FileNotFoundError):
        store(anna.id).read(photo)
    assert len(mail.outbox) == 1  # no second receipt


def test_the_tombstone_is_written_with_the_request_and_waits_for_no_worker(
    anna: Any, django_capture_on_commit_callbacks: Any
) -> None:
    """A backup that is restored in between knows nothing of the request."""
    with django_capture_on_commit_callbacks(execute=True):
        asked = erasure.ask(anna)
    asked.delete()
    assert tombstones.alive() == [anna.id]


@pytest.mark.parametrize("broken", ["tests.accounts.test_erasure.NoDisk", "no.such.Storage"])
def test_nothing_starts_while_the_tombstones_cannot_be_read(anna: Any, settings: Any, broken: str) -> None:
    away = {**settings.STORAGES["tombstones"], "BACKEND": broken}
    settings.STORAGES = {**settings.STORAGES, "tombstones": away}
    with pytest.raises(SystemExit, match="tombstones"):
        tombstones.refuse_start()


def test_a_tombstone_says_whose_and_when_and_no_more(anna: Any, erase: Callable[[Any], Any]) -> None:
    erase(anna)
    (name,) = storages["tombstones"].listdir("")[1]
    with storages["tombstones"].open(name) as file:
        assert json.load(file).keys() == {"account", "erased_at"}


def test_an_erasure_under_way_keeps_nobody_from_starting(anna: Any) -> None:
    erasure.ask(anna)
    tombstones.write(anna.id)
    assert tombstones.alive() == []


@pytest.mark.django_db(transaction=True)
def test_neither_web_nor_workers_start_on_a_restored_backup(bert: Any) -> None:
    from asgiref.sync import async_to_sync

    from config.asgi import lifespan

    async def first_answer() -> dict[str, Any]:
        said: list[dict[str, Any]] = []
        asked = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> Any:
            return next(asked)

        async def send(message: Any) -> None:
            said.append(message)

        await lifespan(receive, send)
        return said[0]

    assert async_to_sync(first_answer)()["type"] == "lifespan.startup.complete"
    tombstones.refuse_start()
    tombstones.write(bert.id)
    refused = async_to_sync(first_answer)()
    assert refused["type"] == "lifespan.startup.failed"
    assert "replay_erasures" in refused["message"]
    with pytest.raises(SystemExit, match="replay_erasures"):
        tombstones.refuse_start()
