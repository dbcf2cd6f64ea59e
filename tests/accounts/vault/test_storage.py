"""A bucket stores files like a disk. The tests use S3Storage and boto3 against moto, a fake of S3."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from django.utils import timezone
from moto import mock_aws

from accounts.vault import storage as storage
from accounts.vault import vault
from accounts.vault.sealing import SEGMENT, Tampered
from config.errors import StorageFull, Unavailable
from tests.accounts.vault.conftest import NAME, PLAIN, broken, use_storage

pytestmark = pytest.mark.django_db
for_good = pytest.mark.django_db(transaction=True)  # what happens on commit, or in several threads


@pytest.fixture
def bucket(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-test")
    with mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="faces")
        use_storage(
            settings,
            "storages.backends.s3.S3Storage",
            bucket_name="faces",
            region_name="us-east-1",
            location="prefix",
        )
        yield storages["default"].bucket


def keys(bucket: Any) -> list[str]:
    return [o.key for o in bucket.objects.all()]


@pytest.fixture
def ranges(bucket: Any) -> list[str]:
    """The Range header of every GET."""
    asked: list[str] = []
    bucket.meta.client.meta.events.register(
        "provide-client-params.s3.GetObject", lambda params, **_: asked.append(params["Range"])
    )
    return asked


def test_a_bucket_holds_files_as_a_disk_does(alice: vault.Vault, bucket: Any) -> None:
    alice.write(NAME, PLAIN)
    assert alice.exists(NAME)
    assert alice.read(NAME) == PLAIN
    assert alice.etag(NAME) == hashlib.sha256(PLAIN).hexdigest()
    assert alice.size(NAME) == len(PLAIN)
    assert keys(bucket) == [f"prefix/users/{alice.user_id.hex}/{NAME}"]
    assert b"plain face" not in bucket.Object(keys(bucket)[0]).get()["Body"].read()


def test_what_a_bucket_does_not_have_is_not_found(alice: vault.Vault, bucket: Any) -> None:
    alice.write(NAME, PLAIN)
    assert not alice.exists("photos/8")
    alice.delete("photos/8")
    for read in (alice.read, alice.size, alice.etag):
        with pytest.raises(FileNotFoundError):
            read("photos/8")


def test_a_bucket_is_read_by_range(alice: vault.Vault, ranges: list[str]) -> None:
    alice.write(NAME, bytes(100 * SEGMENT))
    start, stop = 50 * SEGMENT + 10, 52 * SEGMENT + 10
    assert b"".join(alice.open_range(NAME, start, stop)) == bytes(stop - start)
    assert len(ranges) == 2
    first, last = (int(n) for n in ranges[1].removeprefix("bytes=").split("-"))
    assert last + 1 - first == 3 * (SEGMENT + 16)


def test_a_small_file_takes_one_request(alice: vault.Vault, ranges: list[str]) -> None:
    alice.write(NAME, bytes(SEGMENT))
    assert alice.read(NAME) == bytes(SEGMENT)
    assert len(ranges) == 1


def test_a_read_that_a_write_overtakes_is_refused(alice: vault.Vault, bucket: Any) -> None:
    alice.write(NAME, bytes(100 * SEGMENT))
    pieces = alice.open_range(NAME)
    next(pieces)
    alice.write(NAME, PLAIN * 40)
    with pytest.raises(Unavailable):
        list(pieces)


def test_an_upload_that_stops_puts_nothing_into_the_bucket(alice: vault.Vault, bucket: Any) -> None:
    with pytest.raises(RuntimeError):
        alice.write_stream(NAME, broken(3, RuntimeError("gone")))
    assert keys(bucket) == []


def test_a_bucket_is_emptied_by_folder(alice: vault.Vault, bucket: Any) -> None:
    for name in ("twins/4/a", "twins/4/b/c", "twins/42/a"):
        alice.write(name, PLAIN)
    alice.delete_all("twins/4/")
    assert keys(bucket) == [f"prefix/users/{alice.user_id.hex}/twins/42/a"]
    alice.delete_all()
    assert keys(bucket) == []


def test_old_files_are_found_in_a_bucket(alice: vault.Vault, bucket: Any) -> None:
    alice.write("items/1/content", PLAIN)
    home, hour = storage.storage_of(alice.user_id), timedelta(hours=1)
    assert list(storage.homes()) == [alice.user_id]
    assert list(home.old_files(timezone.now() - hour)) == []
    assert list(home.old_files(timezone.now() + hour)) == ["items/1/content"]


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
def test_errors_of_s3_become_errors_of_ours(monkeypatch: Any, error: Exception, ours: type) -> None:
    monkeypatch.setattr(storage, "S3_ERRORS", (ClientError,))
    with pytest.raises(ours), storage.storage_errors():
        raise error


def test_a_storage_that_renames_is_refused(alice: vault.Vault, settings: Any) -> None:
    use_storage(settings, "django.core.files.storage.InMemoryStorage")
    alice.write(NAME, PLAIN)
    assert alice.read(NAME) == PLAIN
    with pytest.raises(ImproperlyConfigured):
        alice.write(NAME, b"again")
    assert alice.read(NAME) == PLAIN


def test_vaults_are_equal_when_their_user_ids_are() -> None:
    assert vault.store(uuid.UUID(int=1)) == vault.store(uuid.UUID(int=1)) != vault.store(uuid.UUID(int=2))
