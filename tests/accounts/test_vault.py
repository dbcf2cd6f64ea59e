"""The vault: one key for each person, nothing plain on the disk, parts without the whole, and nothing left after the end."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import multiprocessing
import os
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import File
from django.core.files.storage import Storage, storages
from django.db import connection, transaction

from accounts import vault
from accounts.models import DataKey
from accounts.sealing import SEGMENT, Tampered
from config.errors import StorageFull, Unavailable

pytestmark = pytest.mark.django_db
for_good = pytest.mark.django_db(transaction=True)  # what happens on commit, or in several threads

PLAIN = b"\xff\xd8 a plain face " * 12_345
NAME = "photos/7/original.jpg"


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """Where the sealed files of this test lie."""
    folder = tmp_path / "files"
    use_storage(settings, "django.core.files.storage.FileSystemStorage", location=str(folder))
    settings.VAR = tmp_path
    settings.VAULT_MASTER_KEYS = {}
    vault.master_keys.cache_clear()
    yield folder
    vault.master_keys.cache_clear()


def use_storage(settings: Any, backend: str, **options: Any) -> None:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend, "OPTIONS": options}}


@pytest.fixture
def alice() -> vault.Vault:
    return vault_of("alice")


@pytest.fixture
def bob() -> vault.Vault:
    return vault_of("bob")


def vault_of(name: str) -> vault.Vault:
    user = get_user_model().objects.create_user(email=f"{name}@example.com", password="a long enough one")
    return vault.store(user.pk)


def on_disk(files: Path, of: vault.Vault, name: str = NAME) -> Path:
    return files / "users" / of.user_id.hex / name


def all_files(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file()]


def broken(after: int, error: BaseException) -> Iterator[bytes]:
    """An upload that stops after so many segments."""
    for _ in range(after):
        yield PLAIN[:SEGMENT]
    raise error


# ---------------------------------------------------------------- reading and writing


def test_a_file_comes_back(alice: vault.Vault) -> None:
    assert not alice.exists(NAME)
    alice.write(NAME, PLAIN)
    assert alice.exists(NAME)
    assert alice.read(NAME) == PLAIN
    assert alice.size(NAME) == len(PLAIN)
    assert alice.etag(NAME) == hashlib.sha256(PLAIN).hexdigest()


def test_writing_again_replaces(alice: vault.Vault, files: Path) -> None:
    alice.write(NAME, PLAIN)
    alice.write(NAME, b"")
    assert alice.read(NAME) == b""
    assert len(all_files(files)) == 1


def test_chunks_are_written_as_they_come(alice: vault.Vault) -> None:
    alice.write_stream(NAME, (PLAIN[i : i + 1000] for i in range(0, len(PLAIN), 1000)))
    assert alice.read(NAME) == PLAIN


def test_what_is_not_there_is_not_found(alice: vault.Vault) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: alice.read(NAME),
        lambda: list(alice.open_range(NAME)),
        lambda: alice.size(NAME),
        lambda: alice.etag(NAME),
    ]
    for before in (lambda: None, lambda: alice.write("other", b"x")):
        before()
        for call in calls:
            with pytest.raises(FileNotFoundError):
                call()
    alice.delete(NAME)


def test_a_deleted_file_is_gone(alice: vault.Vault, files: Path) -> None:
    alice.write(NAME, PLAIN)
    alice.delete(NAME)
    assert not alice.exists(NAME)
    assert all_files(files) == []


def test_everything_in_a_folder_is_deleted_and_nothing_beside_it(alice: vault.Vault, bob: vault.Vault) -> None:
    for name in ("twins/4/a", "twins/4/b/c", "twins/42/a"):
        alice.write(name, PLAIN)
    bob.write("twins/4/a", PLAIN)
    alice.delete_all("twins/4/")
    assert [alice.exists(n) for n in ("twins/4/a", "twins/4/b/c", "twins/42/a")] == [False, False, True]
    alice.delete_all()
    assert not alice.exists("twins/42/a")
    assert bob.read("twins/4/a") == PLAIN
    alice.delete_all("never/there/")


NO_NAMES = ["", "/etc/passwd", "../bob/x", "a/../b", "a/..", "a..b", "A", "a b", "a//b", "a/./b", "a/", ".aside/x", "é", "a\n"]  # fmt: skip


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_is_none_is_an_error(alice: vault.Vault, name: str) -> None:
    calls = (alice.read, alice.size, alice.etag, alice.exists, alice.delete, alice.open_range)
    for call in (*calls, lambda n: alice.write(n, b"x")):
        with pytest.raises(ValueError):
            call(name)


@pytest.mark.parametrize("prefix", ["twins", "/", "../", "a/../", "a//"])
def test_a_prefix_that_is_no_folder_is_an_error(alice: vault.Vault, prefix: str) -> None:
    with pytest.raises(ValueError):
        alice.delete_all(prefix)


@pytest.mark.parametrize("start, stop", [(0, 1), (SEGMENT - 1, SEGMENT + 1), (70_000, None), (0, 10**9), (5, 5)])
def test_a_range_is_that_part_of_the_file(alice: vault.Vault, start: int, stop: int | None) -> None:
    alice.write(NAME, PLAIN)
    assert b"".join(alice.open_range(NAME, start, stop)) == PLAIN[start:stop]


def test_a_reader_keeps_the_file_that_it_opened(alice: vault.Vault) -> None:
    alice.write(NAME, bytes(40 * SEGMENT))
    pieces = alice.open_range(NAME)
    first = next(pieces)
    alice.write(NAME, PLAIN)
    assert first + b"".join(pieces) == bytes(40 * SEGMENT)


# ---------------------------------------------------------------- at rest


def test_nothing_plain_is_on_the_disk(alice: vault.Vault, tmp_path: Path) -> None:
    alice.write(NAME, PLAIN)
    assert all(b"plain face" not in p.read_bytes() for p in all_files(tmp_path))
    assert on_disk(tmp_path / "files", alice).stat().st_mode & 0o077 == 0


def test_nothing_plain_is_on_the_disk_while_it_is_written(alice: vault.Vault, tmp_path: Path) -> None:
    seen: list[bytes] = []

    def chunks() -> Iterator[bytes]:
        for _ in range(5):
            yield b"plain face " * SEGMENT
            seen.extend(p.read_bytes() for p in all_files(tmp_path))

    alice.write_stream(NAME, chunks())
    assert max(map(len, seen)) > SEGMENT
    assert all(b"plain face" not in data for data in seen)


@pytest.mark.parametrize("error", [RuntimeError("gone"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_what_was_there(alice: vault.Vault, files: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        alice.write_stream(NAME, broken(3, error))
    assert all_files(files) == []
    alice.write(NAME, PLAIN)
    with pytest.raises(type(error)):
        alice.write_stream(NAME, broken(3, error))
    assert alice.read(NAME) == PLAIN
    assert len(all_files(files)) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_and_nothing_stays(alice: vault.Vault, files: Path, monkeypatch: Any, number: int) -> None:
    def full(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    alice.write("other", b"x")  # the keys are there
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull):
        alice.write(NAME, PLAIN)
    assert len(all_files(files)) == 1


def test_a_disk_that_cannot_be_used_is_unavailable(alice: vault.Vault, files: Path) -> None:
    files.write_bytes(b"a file where the folder should be")
    with pytest.raises(Unavailable):
        alice.write(NAME, PLAIN)


def test_files_swapped_between_users_are_refused(alice: vault.Vault, bob: vault.Vault, files: Path) -> None:
    for of in (alice, bob):
        of.write(NAME, PLAIN)
    a, b = on_disk(files, alice), on_disk(files, bob)
    ours, theirs = a.read_bytes(), b.read_bytes()
    a.write_bytes(theirs)
    b.write_bytes(ours)
    for of in (alice, bob):
        assert_refused(of, NAME)


def test_files_swapped_between_renditions_are_refused(alice: vault.Vault, files: Path) -> None:
    for name in ("photos/7/original.jpg", "photos/7/thumbnail.jpg", "photos/8/original.jpg"):
        alice.write(name, PLAIN)
    for name in ("photos/7/thumbnail.jpg", "photos/8/original.jpg"):
        on_disk(files, alice, name).write_bytes(on_disk(files, alice).read_bytes())
        assert_refused(alice, name)


@pytest.mark.parametrize("change", [lambda d: d[:-1], lambda d: b"", lambda d: d[:100] + bytes([d[100] ^ 1]) + d[101:]])
def test_a_changed_file_is_refused(alice: vault.Vault, files: Path, change: Callable[[bytes], bytes]) -> None:
    alice.write(NAME, PLAIN)
    path = on_disk(files, alice)
    path.write_bytes(change(path.read_bytes()))
    assert_refused(alice, NAME)


def assert_refused(of: vault.Vault, name: str) -> None:
    with pytest.raises(Tampered):
        of.read(name)
    with pytest.raises(Tampered):
        list(of.open_range(name))


def test_what_killed_writers_left_is_swept(alice: vault.Vault, files: Path) -> None:
    alice.write(NAME, PLAIN)
    old, new = (on_disk(files, alice, f"{vault.ASIDE}/{n}") for n in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert vault.sweep_asides() == 1
    assert new.exists()
    assert not old.exists()
    assert alice.read(NAME) == PLAIN


# ---------------------------------------------------------------- keys


def test_each_person_has_one_key(alice: vault.Vault, bob: vault.Vault) -> None:
    for of in (alice, alice, bob):
        of.write(NAME, PLAIN)
    assert DataKey.objects.count() == 2
    assert len({bytes(k.wrapped) for k in DataKey.objects.all()}) == 2


def test_reading_makes_no_key(alice: vault.Vault) -> None:
    with pytest.raises(FileNotFoundError):
        alice.read(NAME)
    assert not DataKey.objects.exists()


def test_another_persons_wrapped_key_is_refused(alice: vault.Vault, bob: vault.Vault) -> None:
    for of in (alice, bob):
        of.write(NAME, PLAIN)
    theirs = DataKey.objects.get(user_id=bob.user_id).wrapped
    DataKey.objects.filter(user_id=alice.user_id).update(wrapped=theirs)
    with pytest.raises(Tampered):
        alice.read(NAME)


@for_good
def test_the_first_writes_of_many_make_one_key(alice: vault.Vault) -> None:
    together = threading.Barrier(4)

    def write(i: int) -> None:
        try:
            together.wait()
            alice.write(f"photos/{i}", PLAIN)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert DataKey.objects.count() == 1
    assert [alice.read(f"photos/{i}") == PLAIN for i in range(4)] == [True] * 4


@for_good
def test_a_key_is_read_once_a_minute(
    alice: vault.Vault, monkeypatch: Any, django_assert_num_queries: Callable[[int], Any]
) -> None:
    alice.write(NAME, PLAIN)
    with django_assert_num_queries(1):
        assert alice.read(NAME) == alice.read(NAME) == PLAIN
    monkeypatch.setattr(vault, "KEY_SECONDS", 0.0)
    with django_assert_num_queries(1):
        alice.read(NAME)


@for_good
def test_a_key_that_was_never_committed_is_not_remembered(alice: vault.Vault) -> None:
    with transaction.atomic():
        alice.write(NAME, PLAIN)
        assert alice.read(NAME) == PLAIN
        transaction.set_rollback(True)
    with pytest.raises(FileNotFoundError):
        alice.read(NAME)
    alice.write(NAME, b"again")
    assert alice.read(NAME) == b"again"


@for_good
def test_destroying_the_key_leaves_nothing_to_read(alice: vault.Vault, bob: vault.Vault, files: Path) -> None:
    for of in (alice, bob):
        of.write(NAME, PLAIN)
        assert of.read(NAME) == PLAIN
    kept = on_disk(files, alice).read_bytes()
    vault.destroy(alice.user_id)
    assert not (files / "users" / alice.user_id.hex).exists()
    on_disk(files, alice).parent.mkdir(parents=True)
    on_disk(files, alice).write_bytes(kept)
    with pytest.raises(FileNotFoundError):
        alice.read(NAME)
    alice.write("other", b"x")  # a new key
    assert_refused(alice, NAME)
    assert bob.read(NAME) == PLAIN
    vault.destroy(alice.user_id)
    vault.destroy(alice.user_id)


@for_good
def test_files_stay_when_the_end_of_their_key_is_rolled_back(alice: vault.Vault) -> None:
    alice.write(NAME, PLAIN)
    with transaction.atomic():
        vault.destroy(alice.user_id)
        transaction.set_rollback(True)
    assert alice.read(NAME) == PLAIN


@for_good
def test_a_write_under_way_leaves_nothing_once_the_key_is_destroyed(alice: vault.Vault, files: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield PLAIN
        DataKey.objects.filter(user_id=alice.user_id).delete()  # as another process does

    with pytest.raises(FileNotFoundError):
        alice.write_stream(NAME, chunks())
    assert all_files(files) == []


def key_text(byte: int) -> str:
    return base64.b64encode(bytes([byte]) * 32).decode()


def test_master_keys_can_be_rotated(alice: vault.Vault, settings: Any) -> None:
    settings.VAULT_MASTER_KEYS = {"2025": key_text(1)}
    vault.master_keys.cache_clear()
    alice.write(NAME, PLAIN)
    settings.VAULT_MASTER_KEYS = {"2026": key_text(2), "2025": key_text(1)}
    vault.master_keys.cache_clear()
    assert alice.read(NAME) == PLAIN
    assert [vault.rewrap_keys(), vault.rewrap_keys()] == [1, 0]
    settings.VAULT_MASTER_KEYS = {"2026": key_text(2)}
    vault.master_keys.cache_clear()
    assert alice.read(NAME) == PLAIN


def test_a_missing_master_key_is_named(alice: vault.Vault, settings: Any) -> None:
    alice.write(NAME, PLAIN)
    settings.VAULT_MASTER_KEYS = {"2026": key_text(2)}
    vault.master_keys.cache_clear()
    with pytest.raises(Tampered, match="local"):
        alice.read(NAME)


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(bytes(31)).decode(), "*" * 44])
def test_a_master_key_that_is_none_stops_everything(settings: Any, text: str) -> None:
    settings.VAULT_MASTER_KEYS = {"2026": text}
    with pytest.raises(ImproperlyConfigured):
        vault.master_keys()


def test_the_generated_master_key_is_the_owners_alone_and_stays(tmp_path: Path) -> None:
    once = vault.master_keys()
    vault.master_keys.cache_clear()
    assert vault.master_keys().keys == once.keys
    assert (tmp_path / "keys" / "master").stat().st_mode & 0o777 == 0o600


def test_processes_that_start_at_once_get_one_master_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        made = pool.map(vault._generated, [tmp_path / "keys" / "master"] * 16, chunksize=1)
    assert len(set(made)) == 1


# ---------------------------------------------------------------- object storage


class FakeBucket(Storage):
    """As much of S3Storage as the vault uses, with boto3's contract for ranged GETs."""

    location = "prefix/"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.ranges: list[str] = []
        self.bucket = self

    def Object(self, key: str) -> FakeObject:  # noqa: N802
        return FakeObject(self, key)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:  # noqa: ARG002
        return name

    def _save(self, name: str, content: File[bytes]) -> str:
        self.objects[self.location + name] = content.read()
        return name

    def exists(self, name: str) -> bool:
        return self.location + name in self.objects

    def size(self, name: str) -> int:
        return len(self.objects[self.location + name])

    def delete(self, name: str) -> None:
        self.objects.pop(self.location + name, None)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        below = [k.removeprefix(f"{self.location}{path}/").partition("/") for k in self.objects if k.startswith(f"{self.location}{path}/")]  # fmt: skip
        return list({first for first, slash, _ in below if slash}), [first for first, slash, _ in below if not slash]


class FakeObject:
    def __init__(self, bucket: FakeBucket, key: str):
        self.bucket, self.key = bucket, key

    def get(self, Range: str, IfMatch: str | None = None) -> dict[str, Any]:  # noqa: N803
        self.bucket.ranges.append(Range)
        data = self.bucket.objects[self.key]
        start, last = (int(n) for n in re.fullmatch(r"bytes=(\d+)-(\d+)", Range).groups())  # type: ignore[union-attr]
        assert IfMatch in (None, str(hash(data)))
        stop = min(last + 1, len(data))
        return {"Body": io.BytesIO(data[start:stop]), "ContentRange": f"bytes {start}-{stop - 1}/{len(data)}", "ETag": str(hash(data))}  # fmt: skip


@pytest.fixture
def bucket(settings: Any) -> FakeBucket:
    use_storage(settings, f"{__name__}.FakeBucket")
    return storages["default"]  # type: ignore[return-value]


def test_a_bucket_holds_files_as_a_disk_does(alice: vault.Vault, bucket: FakeBucket) -> None:
    alice.write(NAME, PLAIN)
    assert alice.exists(NAME)
    assert alice.read(NAME) == PLAIN
    assert alice.etag(NAME) == hashlib.sha256(PLAIN).hexdigest()
    assert alice.size(NAME) == len(PLAIN)
    assert list(bucket.objects) == [f"prefix/users/{alice.user_id.hex}/{NAME}"]
    assert b"plain face" not in bucket.objects.popitem()[1]


def test_a_bucket_is_read_by_range(alice: vault.Vault, bucket: FakeBucket) -> None:
    alice.write(NAME, bytes(100 * SEGMENT))
    start, stop = 50 * SEGMENT + 10, 52 * SEGMENT + 10
    assert b"".join(alice.open_range(NAME, start, stop)) == bytes(stop - start)
    assert len(bucket.ranges) == 2
    first, last = (int(n) for n in bucket.ranges[1].removeprefix("bytes=").split("-"))
    assert last + 1 - first == 3 * (SEGMENT + 16)


def test_a_small_file_takes_one_request(alice: vault.Vault, bucket: FakeBucket) -> None:
    alice.write(NAME, bytes(SEGMENT))
    assert alice.read(NAME) == bytes(SEGMENT)
    assert len(bucket.ranges) == 1


def test_an_upload_that_stops_puts_nothing_into_the_bucket(alice: vault.Vault, bucket: FakeBucket) -> None:
    with pytest.raises(RuntimeError):
        alice.write_stream(NAME, broken(3, RuntimeError("gone")))
    assert bucket.objects == {}


def test_a_bucket_is_emptied_by_folder(alice: vault.Vault, bucket: FakeBucket) -> None:
    for name in ("twins/4/a", "twins/4/b/c", "twins/42/a"):
        alice.write(name, PLAIN)
    alice.delete_all("twins/4/")
    assert list(bucket.objects) == [f"prefix/users/{alice.user_id.hex}/twins/42/a"]
    alice.delete_all()
    assert bucket.objects == {}


class ClientError(Exception):
    """Shaped like botocore's."""

    def __init__(self, status: int, code: str = ""):
        self.response = {"ResponseMetadata": {"HTTPStatusCode": status}, "Error": {"Code": code}}


@pytest.mark.parametrize(
    "error, ours",
    [
        (ClientError(404, "NoSuchKey"), FileNotFoundError),
        (ClientError(404, "NoSuchBucket"), Unavailable),
        (ClientError(403, "AccessDenied"), Unavailable),
        (ClientError(412, "PreconditionFailed"), Unavailable),
        (ClientError(416, "InvalidRange"), Tampered),
        (ClientError(507, "XMinioStorageFull"), StorageFull),
        (ConnectionError("no route"), Unavailable),
    ],
)
def test_what_a_bucket_answers_becomes_an_error_of_ours(monkeypatch: Any, error: Exception, ours: type) -> None:
    monkeypatch.setattr(vault, "S3_ERRORS", (ClientError,))
    with pytest.raises(ours), vault._storage_errors():
        raise error


def test_a_storage_that_renames_is_refused(alice: vault.Vault, settings: Any) -> None:
    use_storage(settings, "django.core.files.storage.InMemoryStorage")
    alice.write(NAME, PLAIN)
    assert alice.read(NAME) == PLAIN
    with pytest.raises(ImproperlyConfigured):
        alice.write(NAME, b"again")
    assert alice.read(NAME) == PLAIN


def test_people_are_told_apart_by_their_ids() -> None:
    assert vault.store(uuid.UUID(int=1)) == vault.store(uuid.UUID(int=1)) != vault.store(uuid.UUID(int=2))
