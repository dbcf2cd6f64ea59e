"""An erasure that was cut off is finished, and one that a backup takes back is done again."""

from __future__ import annotations

import errno
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
from django.core import mail
from django.core.files.storage import FileSystemStorage, storages
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts import erasure, tasks, tombstones
from accounts.models import DataKey, Erasure, User
from accounts.vault.vault import store
from billing import audit
from tests import aio
from tests.accounts.leftovers import ANNA, contents, files_of
from tests.factory import PASSWORD
from tests.plugin import Share
from tests.processes import database_url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_storage")]


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
    settings.EMAIL_BACKEND = "tests.accounts.test_erasure_again.NoMail"
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
    settings.EMAIL_BACKEND = "tests.accounts.test_erasure_again.NoMail"
    tasks.erasures()
    assert not User.objects.filter(id=anna.id).exists()


def test_an_address_that_takes_no_receipt_is_forgotten_after_a_week(anna: Any, settings: Any) -> None:
    asked = erasure.ask(anna)
    settings.EMAIL_BACKEND = "tests.accounts.test_erasure_again.NoMail"
    tasks.erasures()
    Erasure.objects.filter(id=asked.id).update(erased_at=timezone.now() - timedelta(days=8))
    tasks.erasures()
    assert contents(ANNA) == []


def test_with_the_storage_away_the_key_is_gone_and_the_files_follow(anna: Any, settings: Any) -> None:
    asked, works = erasure.ask(anna), settings.STORAGES
    away = {**works["default"], "BACKEND": "tests.accounts.test_erasure_again.NoDisk"}
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
def test_killed_before_each_of_its_statements_it_is_finished_by_the_next(
    anna: Any, share: Share, tmp_path: Path
) -> None:
    """Before each with --thorough, else before every 29th."""
    asked, stride = erasure.ask(anna), share.number(1, 29)
    places = {"VAR": str(tmp_path), "DATABASE_URL": database_url()}
    program = (sys.executable, "-m", "tests.accounts.mortal_erasure", str(asked.id), str(stride))
    done = subprocess.run(program, env={**os.environ, **places}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) > 200 // stride  # as often was it killed
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
    photo = next(iter(anna.twins.get(of_other=False).photos.filter(accepted=True))).clean
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


@pytest.mark.parametrize("broken", ["tests.accounts.test_erasure_again.NoDisk", "no.such.Storage"])
def test_nothing_starts_while_the_tombstones_cannot_be_read(anna: Any, settings: Any, broken: str) -> None:
    away = {**settings.STORAGES["tombstones"], "BACKEND": broken}
    settings.STORAGES = {**settings.STORAGES, "tombstones": away}
    with pytest.raises(SystemExit, match="tombstones"):
        tombstones.refuse_start()


@pytest.mark.parametrize("erased, refused", [(True, True), (False, False)])
def test_nothing_starts_while_tombstones_and_database_cannot_be_compared(
    anna: Any, erased: bool, refused: bool
) -> None:
    """As on a backup from before the table of erasures, until it is migrated."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_erasure RENAME TO not_yet")
    if erased:
        tombstones.write(anna.id)
    assert ("manage.py migrate" in tombstones.fault()) is refused


def test_a_tombstone_says_whose_and_when_and_no_more(anna: Any, erase: Callable[[Any], Any]) -> None:
    erase(anna)
    (name,) = storages["tombstones"].listdir("")[1]
    with storages["tombstones"].open(name) as file:
        assert json.load(file).keys() == {"account", "receipt", "erased_at"}


def test_an_erasure_under_way_keeps_nobody_from_starting(anna: Any) -> None:
    erasure.ask(anna)
    tombstones.write(anna.id)
    assert tombstones.alive() == []


@pytest.mark.django_db(transaction=True)
def test_neither_web_nor_workers_start_on_a_restored_backup(bert: Any) -> None:
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

    assert aio.run(first_answer)["type"] == "lifespan.startup.complete"
    tombstones.refuse_start()
    tombstones.write(bert.id)
    refused = aio.run(first_answer)
    assert refused["type"] == "lifespan.startup.failed"
    assert "replay_erasures" in refused["message"]
    with pytest.raises(SystemExit, match="replay_erasures"):
        tombstones.refuse_start()
