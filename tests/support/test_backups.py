"""Backups of a real server with an archive, and restores of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from accounts import tombstones
from accounts.models import User
from accounts.vault import vault
from accounts.vault.vault import store
from config.start import restore
from config.start.embedded import ARCHIVER, PostgresService
from config.start.restore import Wanted
from gallery.models import Item
from support.backups import archive, copies, services
from support.backups.archive import BackupError

ROOT = Path(__file__).resolve().parents[2]


# ---------------------------------------------------------------- a backup


@dataclass
class Kept:
    """Backups of an installation: anna is in the base backup and erased later, bert came before `moment`,
    carl after it."""

    folder: Path
    server: PostgresService
    moment: datetime

    @property
    def backups(self) -> Path:
        return self.folder / "backups"

    def wanted(self, into: Path, **fields: Any) -> Wanted:
        found = Wanted(self.backups, into, self.folder / "keys", self.moment, None)
        return replace(found, **fields)

    def changed(self, to: Path) -> Path:
        """A copy whose files may be replaced, not written to."""
        return Path(shutil.copytree(self.backups, to, copy_function=os.link))


@contextmanager
def installation(server: PostgresService, var: Path, backups: Path) -> Iterator[None]:
    """Django uses this server and these folders."""
    storages = {name: dict(row) for name, row in configured.STORAGES.items()}
    for name, alias in services.FILES.items():
        place = {"location": str(var / name)}
        storages[alias] = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": place}
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict |= {"HOST": str(server.sockets), "NAME": "postgres"}
    try:
        with override_settings(STORAGES=storages, BACKUPS=str(backups)):
            yield
    finally:
        connection.close()
        connection.settings_dict |= {name: before[name] for name in ("HOST", "NAME")}


@pytest.fixture(scope="module")
def kept(django_db_setup: None, django_db_blocker: Any, pytestconfig: Any) -> Iterator[Kept]:
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o711)  # PostgreSQL's own user enters it
    var, backups = folder / "var", folder / "backups"
    server = PostgresService(var / "postgres", fast=True, archive=backups / "wal")
    backups.mkdir(mode=0o711)
    try:
        server.start()
        (dump,) = pytestconfig.cache.mkdir("database").glob("*.sql")
        with psycopg.connect(server.url, autocommit=True) as line:
            line.execute(dump.read_text())
        with django_db_blocker.unblock(), installation(server, var, backups):
            moment = story()
        keys = ",".join(":".join(pair) for pair in configured.VAULT_MASTER_KEYS.items())
        (folder / "keys").mkdir()
        (folder / "keys" / "vault_master_keys").write_text(keys)
        yield Kept(folder, server, moment)
    finally:
        server.discard()
        shutil.rmtree(folder)


def story() -> datetime:
    anna = newcomer("anna")
    call_command("backup")
    newcomer("bert")
    moment = datetime.now(UTC)
    archived()
    newcomer("carl")
    tombstones.write(anna.id)
    services.copy_files()
    archived()
    return moment


def newcomer(name: str) -> Any:
    """Somebody with a picture."""
    user = User.objects.create_user(email=f"{name}@example.com", password="a long password")
    item = Item.objects.create(user=user, width=1, height=1, size=4, etag="x")
    for file in item.content, item.thumbnail:
        store(user.id).write(file, name.encode())
    return user


def archived() -> None:
    """Waits until all that was committed is archived."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_walfile_name(pg_switch_wal())")
        (name,) = cursor.fetchone()
    wanted, end = Path(configured.BACKUPS) / "wal" / f"{name}.gz", time.monotonic() + 300
    while not wanted.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


# ---------------------------------------------------------------- restoring it


def test_to_a_time_between_two_writes_and_what_was_erased_since_stays_erased(
    kept: Kept, tmp_path: Path
) -> None:
    into = tmp_path / "restored"
    where = ("--from", kept.backups, "--into", into, "--keys", kept.folder / "keys")
    command = [sys.executable, "-m", "config.start.restore", *where, "--to", kept.moment.isoformat()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "The ledger adds up" in done.stdout
    assert "`manage.py backup`" in done.stdout
    server = PostgresService(into / "postgres")
    try:
        with psycopg.connect(server.start().url) as line:
            ids = line.execute("SELECT id, email FROM accounts_user").fetchall()
        assert [email for _id, email in ids] == ["bert@example.com"]
        files = {path.name for path in (into / "files" / "users").iterdir() if any(path.rglob("content"))}
        assert ids[0][0].hex in files
        assert len(files) == 2  # carl's have no row: the product deletes them
    finally:
        server.discard()


def test_a_time_after_the_archive_is_refused_and_leaves_nothing(kept: Kept, tmp_path: Path) -> None:
    into = tmp_path / "restored"
    with pytest.raises(BackupError, match="ends before 2999.*leave --to out"):
        restore.restore(kept.wanted(into, to=datetime(2999, 1, 1, tzinfo=UTC)))
    assert not into.exists()


def cut(backups: Path) -> None:
    last = max(archive.segments(backups).items())[1]
    cut_to = last.read_bytes()[:-100]
    last.unlink()
    last.write_bytes(cut_to)


def gap(backups: Path) -> None:
    sorted(archive.segments(backups).items())[1][1].unlink()


def no_log(backups: Path) -> None:
    shutil.rmtree(backups / "wal")


def damaged(backups: Path) -> None:
    file = archive.bases(backups)[-1].path / "PG_VERSION"
    file.unlink()
    file.write_text("17\n")


def damaged_manifest(backups: Path) -> None:
    file = archive.bases(backups)[-1].path / "backup_manifest"
    text = file.read_text().replace("PG_VERSION", "PG_VERSIOM")
    file.unlink()
    file.write_text(text)


def empty(backups: Path) -> None:
    shutil.rmtree(backups / "base")


@pytest.mark.parametrize(
    "damage, said",
    [
        (cut, "cut or damaged.*before"),
        (gap, "has a gap after"),
        (no_log, "does not reach back"),
        (damaged, "base backup is damaged.*earlier"),
        (damaged_manifest, "manifest .* is damaged"),
        (empty, "holds no base backup"),
    ],
)
def test_a_damaged_backup_is_refused(
    kept: Kept, tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    backups = kept.changed(tmp_path / "backups")
    damage(backups)
    with pytest.raises(BackupError, match=said):
        restore.restore(kept.wanted(tmp_path / "new", backups=backups, to=None))
    assert not (tmp_path / "new").exists()


def test_a_time_before_the_first_backup_is_refused(kept: Kept, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="No backup is as old as"):
        restore.restore(kept.wanted(tmp_path / "new", to=kept.moment - timedelta(days=1)))


def test_only_a_new_folder_is_written_to(kept: Kept, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="PostgreSQL runs in"):
        restore.restore(kept.wanted(kept.folder / "var"))
    (tmp_path / "note").touch()
    with pytest.raises(BackupError, match="is not empty"):
        restore.restore(kept.wanted(tmp_path))
    assert (tmp_path / "note").exists()


def test_without_the_keys_nothing_is_restored(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackupError, match="no file vault_master_keys"):
        restore.restore(kept.wanted(tmp_path / "new", keys=tmp_path))
    for name in "VAULT_MASTER_KEYS", "VAULT_MASTER_KEYS_FILE":
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BackupError, match="keys are missing"):
        restore.restore(kept.wanted(tmp_path / "new", keys=None))
    assert not (tmp_path / "new").exists()


def test_keys_that_did_not_seal_the_files_are_refused(db: None, settings: Any) -> None:
    newcomer("dora")
    settings.VAULT_MASTER_KEYS = {"local": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}
    vault.master_keys.cache_clear()
    try:
        with pytest.raises(CommandError, match="not the keys that sealed them"):
            call_command("after_restore")
    finally:
        vault.master_keys.cache_clear()


# ---------------------------------------------------------------- taking it


def test_what_is_too_old_goes_and_the_last_base_backup_stays(kept: Kept, tmp_path: Path) -> None:
    backups = kept.changed(tmp_path / "backups")
    (base,) = archive.bases(backups)
    stamps = [(datetime.now(UTC) - timedelta(days=n)).strftime(archive.STAMP) for n in (50, 40)]
    oldest = base.path.rename(base.path.with_name(stamps[0]))
    shutil.copytree(oldest, oldest.with_name(stamps[1]), copy_function=os.link)
    gone = [backups / "gone" / day for day in ("2000-01-01", datetime.now(UTC).date().isoformat())]
    for day in gone:
        day.mkdir(parents=True)
    first = archive.Base(oldest).first
    old = list(services._too_old(backups, timedelta(days=30)))
    assert old == [oldest, *archive.old_log(backups, first), gone[0]]


def test_no_backup_without_a_folder_or_an_archive(db: None, settings: Any, tmp_path: Path) -> None:
    settings.BACKUPS = ""
    with pytest.raises(CommandError, match="Set BACKUPS"):
        call_command("backup")
    settings.BACKUPS = str(tmp_path)
    with pytest.raises(CommandError, match="does not archive"):
        call_command("backup")
    with pytest.raises(CommandError, match="from 1 on"):
        call_command("backup", keep=0)


def test_two_at_once_are_one(settings: Any, tmp_path: Path) -> None:
    settings.BACKUPS = str(tmp_path)
    with services._alone(tmp_path, "files"), pytest.raises(BackupError, match="under way"):
        services.copy_files()


def test_a_copy_follows_its_source_and_keeps_for_a_time_what_goes(tmp_path: Path) -> None:
    source, copy, gone = (tmp_path / name for name in ("source", "copy", "gone"))
    for name, text in {"a/1": "one", "2": "two", ".aside/3": "unfinished"}.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    assert [copies.mirror(source, copy, gone), copies.mirror(source, copy, gone)] == [2, 0]
    (source / "a/1").unlink()
    (source / "2").write_text("another")
    assert copies.mirror(source, copy, gone) == 1
    assert {path.name: path.read_text() for path in copy.rglob("*") if path.is_file()} == {"2": "another"}
    assert [(gone / name).read_text() for name in ("a/1", "2")] == ["one", "two"]


def test_the_archiver_keeps_what_is_there_and_tells_a_damaged_file(tmp_path: Path) -> None:
    def run(verb: str, file: str) -> int:
        return subprocess.run(["sh", ARCHIVER, verb, tmp_path, "000", tmp_path / file]).returncode

    (tmp_path / "one").write_bytes(b"1" * 1000)
    (tmp_path / "two").write_bytes(b"2" * 1000)
    assert [run("put", "one"), run("put", "one"), run("put", "two"), run("get", "back")] == [0, 0, 1, 0]
    assert (tmp_path / "back").read_bytes() == b"1" * 1000
    kept = tmp_path / "000.gz"
    kept.write_bytes(kept.read_bytes()[:-9])
    assert run("get", "back") == 200
    kept.unlink()
    assert run("get", "back") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "one", "two"]
