"""A database from before the rebuild (commit fb87dfc) migrates and works.

tests/data/before_rebuild.tar.gz comes from that commit. Its API filled the database; the Stripe double made
the payments; `pg_dump --inserts --no-owner --no-privileges` wrote database.sql. The archive also has the
vault's files and master key. alice has a trained twin, pictures, payments and queued work. bob withdrew his
consent. Staff looked at both.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from tests.database import other_database, run_sql

DUMP = Path(__file__).resolve().parent / "data" / "before_rebuild.tar.gz"
PASSWORD = "a long password"
NAME = f"before_rebuild_{os.getpid()}"


@pytest.fixture(scope="module")
def migrated(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Path]:
    """Restores and migrates the old database, which each test copies. Yields the folder of its files."""
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(DUMP) as dump:
        dump.extractall(folder, filter="data")
    ours = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        run_sql(ours, f'CREATE DATABASE "{NAME}"')
        run_sql(NAME, (folder / "database.sql").read_text())
        with other_database(NAME):
            call_command("migrate", verbosity=0, interactive=False)
    yield folder
    run_sql(ours, f'DROP DATABASE "{NAME}" WITH (FORCE)')


@pytest.fixture
def old(
    migrated: Path, settings: Any, judge: Any, engine: Any, django_db_blocker: Any, tmp_path: Path
) -> Iterator[None]:
    """Gives the test its own copy of the migrated database, files and master key."""
    import shutil

    from accounts.vault import vault

    shutil.copytree(migrated / "files", tmp_path / "files")
    disk = "django.core.files.storage.FileSystemStorage"
    places = {n: {"BACKEND": disk, "OPTIONS": {"location": str(tmp_path / p)}} for n, p in PLACES.items()}
    settings.STORAGES = {**settings.STORAGES, **places}
    settings.VAULT_MASTER_KEYS = {"local": (migrated / "keys" / "master").read_text().strip()}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    vault.master_keys.cache_clear()
    copy, ours = f"{NAME}_copy", connection.settings_dict["NAME"]
    run_sql(ours, f'CREATE DATABASE "{copy}" TEMPLATE "{NAME}"')
    with django_db_blocker.unblock(), other_database(copy):
        yield
    run_sql(ours, f'DROP DATABASE "{copy}" WITH (FORCE)')
    vault.master_keys.cache_clear()


PLACES = {"default": "files", "tombstones": "tombstones"}


def client_for(email: str) -> Any:
    from accounts.models import User
    from tests.conftest import client_of

    return client_of(User.objects.get(email=email))


def test_every_migration_is_applied_and_the_books_add_up(old: None) -> None:
    from billing import audit

    call_command("migrate", "--check", verbosity=0)
    assert audit.problems() == []


def test_people_log_in_with_their_password_and_their_sessions_go_on(old: None, client: Any) -> None:
    login = {"email": "bob@example.com", "password": PASSWORD}
    answer = client.post("/_allauth/app/v1/auth/login", login, content_type="application/json")
    token = answer.json()["meta"]["access_token"]
    me = client.get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert me.json()["email"] == "bob@example.com"


def test_the_gallery_shows_and_opens_what_was_made(old: None) -> None:
    alice = client_for("alice@example.com")
    items = alice.get("/api/v1/items").json()["results"]
    assert len(items) == 2
    picture = alice.get(f"/api/v1/items/{items[0]['id']}/content")
    assert b"".join(picture).startswith(b"\x89PNG")
    assert len(alice.get("/api/v1/items?q=park").json()["results"]) == 2
    assert alice.get("/api/v1/billing").json()["credits"]["held"] == 21


def do_all(work: Callable[[], int]) -> None:
    """Runs all queued work, of the old code and of this test."""
    from config.runs.models import kinds
    from config.runs.sweeper import sweep

    for kind in kinds():
        kind.objects.filter(status="queued").update(enqueued_at=None)
    sweep()
    while work():
        pass


def test_work_that_waited_when_the_old_code_stopped_is_done(old: None, work: Callable[[], int]) -> None:
    from django.utils import timezone

    from billing import audit
    from config.runs.models import kinds
    from twins.models import Photo

    Photo.objects.filter(status="running").update(lease_until=timezone.now())
    do_all(work)
    statuses = {k.kind_name: set(k.objects.values_list("status", flat=True)) for k in kinds()}
    assert not {"queued", "running"} & set().union(*statuses.values())
    assert audit.problems() == []


def test_pictures_and_trainings_are_asked_for_as_ever(old: None, work: Callable[[], int]) -> None:
    alice = client_for("alice@example.com")
    twin = alice.get("/api/v1/twins").json()["results"][0]["id"]
    (open_,) = [
        t for t in alice.get(f"/api/v1/twins/{twin}/trainings").json()["results"] if t["status"] == "queued"
    ]
    alice.post(f"/api/v1/trainings/{open_['id']}/cancel")
    job = alice.post("/api/v1/generations", {"twin": twin, "prompt": "by the sea"}, format="json").json()[
        "id"
    ]
    training = alice.post(f"/api/v1/twins/{twin}/trainings", {}, format="json").json()["id"]
    do_all(work)
    assert alice.get(f"/api/v1/generations/{job}").json()["status"] == "succeeded"
    assert alice.get(f"/api/v1/trainings/{training}").json()["status"] == "succeeded"


def test_a_consent_that_was_withdrawn_stays_withdrawn(old: None) -> None:
    bob = client_for("bob@example.com")
    assert bob.get("/api/v1/twins").json()["results"][0]["status"] == "disabled"


def test_an_archive_holds_all_of_it_and_an_erasure_leaves_nothing(
    old: None, work: Callable[[], int], tmp_path: Path
) -> None:
    from accounts import tasks
    from accounts.models import User
    from billing import audit
    from tests.accounts.leftovers import contents

    alice = client_for("alice@example.com")
    ident = User.objects.get(email="alice@example.com").id
    asked = alice.post("/api/v1/me/export", {"password": PASSWORD}, format="json").json()
    work()
    found = alice.get(f"/api/v1/exports/{asked['id']}").json()
    assert (found["status"], found["size"] > 50_000) == ("succeeded", True)
    assert alice.delete("/api/v1/me", {"password": PASSWORD}, format="json").status_code == 202
    tasks.erasures()
    assert contents("alice@example", str(ident)) == []
    assert not any(p.is_file() for p in (tmp_path / "files" / "users" / ident.hex).rglob("*"))
    assert audit.problems() == []
