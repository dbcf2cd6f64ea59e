"""Stores sealed bytes: one user's folder on a file system, in a bucket, or on any other Django storage.

Errors: FileNotFoundError, StorageFull, Unavailable, and Tampered for an object that no vault wrote.
"""

from __future__ import annotations

import errno
import io
import os
import posixpath
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Any
from uuid import UUID, uuid4

from django.core.exceptions import ImproperlyConfigured
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from accounts.vault import sealing
from accounts.vault.sealing import Source, Tampered
from config.errors import StorageFull, Unavailable
from config.runs import counting

try:
    from botocore.exceptions import BotoCoreError, ClientError

    S3_ERRORS: tuple[type[Exception], ...] = (BotoCoreError, ClientError)
except ImportError:  # a file system needs no client for S3
    S3_ERRORS = ()

ASIDE = ".aside"  # folder of unfinished files; the name of a file never begins with a dot
FIRST = sealing.sealed_size(sealing.SEGMENT)  # bytes of the first GET, which is all of a small file


class UserStorage:
    """The sealed files of one person on any Django storage that replaces an object in one step
    (file_overwrite).
    """

    def __init__(self, storage: Any, home: str):
        self.storage = storage
        self.home = home

    def path(self, name: str) -> str:
        return posixpath.join(self.home, name).rstrip("/")

    def save(self, name: str, chunks: Iterator[bytes]) -> None:
        with storage_errors():
            path = self.storage.save(self.path(name), File(io.BufferedReader(_Stream(chunks))))
            if path != self.path(name):
                self.storage.delete(path)
                raise ImproperlyConfigured("the storage renames instead of replacing: set file_overwrite")

    @contextmanager
    def source(self, name: str) -> Iterator[Source]:
        with storage_errors(), self.storage.open(self.path(name)) as f:
            yield Source(f.seek(0, os.SEEK_END), partial(_read_part, f))

    def size(self, name: str) -> int:
        with storage_errors():
            return self.storage.size(self.path(name))

    def exists(self, name: str) -> bool:
        with storage_errors():
            return self.storage.exists(self.path(name))

    def delete(self, name: str) -> None:
        with storage_errors():
            self.storage.delete(self.path(name))

    def delete_tree(self, folder: str) -> None:
        with storage_errors(), suppress(FileNotFoundError):
            folders, files = self.storage.listdir(self.path(folder))
            for name in folders:
                self.delete_tree(posixpath.join(folder, name))
            for name in files:
                self.storage.delete(self.path(posixpath.join(folder, name)))

    def old_files(self, before: datetime) -> Iterator[str]:
        """Names last written before `before`; on a file system also unfinished files of killed processes."""
        with storage_errors():
            for name in self._walk(""):
                with suppress(FileNotFoundError):
                    if self.storage.get_modified_time(self.path(name)) < before:
                        yield name

    def all_files(self) -> Iterator[str]:
        with storage_errors():
            yield from self._walk("")

    def _walk(self, folder: str) -> Iterator[str]:
        with suppress(FileNotFoundError):
            folders, files = self.storage.listdir(self.path(folder))
            yield from (posixpath.join(folder, name) for name in files)
            for name in folders:
                yield from self._walk(posixpath.join(folder, name))


class Folder(UserStorage):
    """Files on a file system. A file is written under another name, then renamed."""

    def save(self, name: str, chunks: Iterator[bytes]) -> None:
        target, aside = self._file(name), self._file(f"{ASIDE}/{uuid4().hex}")
        with storage_errors():
            try:
                _write(aside, chunks)
                target.parent.mkdir(parents=True, exist_ok=True)
                aside.replace(target)
            except BaseException:
                aside.unlink(missing_ok=True)
                raise

    def exists(self, name: str) -> bool:
        with storage_errors():
            return self._file(name).is_file()

    def delete_tree(self, folder: str) -> None:
        super().delete_tree(folder)
        with suppress(OSError):  # a new file was written there meanwhile, or the folder never existed
            self._file(folder).rmdir()

    def _file(self, name: str) -> Path:
        return Path(self.storage.path(self.path(name)))


class Bucket(UserStorage):
    """Objects on S3. django-storages fetches whole objects on open, so we send ranged GETs ourselves."""

    @contextmanager
    def source(self, name: str) -> Iterator[Source]:
        with storage_errors():
            yield _ranged(self.storage.bucket.Object(self._key(name)))

    def old_files(self, before: datetime) -> Iterator[str]:
        """Uses the listing alone, without a request for each object."""
        home = self._key("") + "/"
        with storage_errors():
            for listed in self.storage.bucket.objects.filter(Prefix=home):
                if listed.last_modified < before:
                    yield listed.key.removeprefix(home)

    def _key(self, name: str) -> str:
        return posixpath.join(self.storage.location, self.path(name)).lstrip("/")


HOMES = "users"


def homes() -> Iterator[UUID]:
    """The ids of all users with files in the storage, also of users who are not in the database."""
    with storage_errors(), suppress(FileNotFoundError):
        for name in storages["default"].listdir(HOMES)[0]:
            with suppress(ValueError):
                yield UUID(hex=name)


def storage_of(user_id: UUID) -> UserStorage:
    storage: Storage = storages["default"]
    home = posixpath.join(HOMES, user_id.hex)
    if isinstance(storage, FileSystemStorage):
        return Folder(storage, home)
    if hasattr(getattr(storage, "bucket", None), "Object"):
        return Bucket(storage, home)
    return UserStorage(storage, home)


def _ranged(obj: Any) -> Source:
    """An object of boto3, read by ranged GETs. IfMatch makes all parts come from the same version."""
    first = obj.get(Range=f"bytes=0-{FIRST - 1}")
    head = first["Body"].read()

    def read(start: int, stop: int) -> bytes:
        if stop <= len(head):
            return head[start:stop]
        return obj.get(Range=f"bytes={start}-{stop - 1}", IfMatch=first["ETag"])["Body"].read()

    return Source(int(first["ContentRange"].rpartition("/")[2]), read)


def _read_part(f: IO[bytes], start: int, stop: int) -> bytes:
    f.seek(start)
    return f.read(stop - start)


def _write(file: Path, chunks: Iterable[bytes]) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
        for chunk in chunks:
            f.write(chunk)
        flush(f)


def flush(f: IO[Any]) -> None:
    f.flush()
    os.fsync(f.fileno())


def flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Stream(io.RawIOBase):
    """Chunks as a file that can be read once, for storages that take a file."""

    def __init__(self, chunks: Iterator[bytes]):
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._left = self._left or memoryview(next(self._chunks, b""))
        part, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


@contextmanager
def storage_errors() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as e:
        raise _counted(StorageFull() if e.errno in (errno.ENOSPC, errno.EDQUOT) else Unavailable()) from e
    except S3_ERRORS as e:
        raise _translated(e) from e


def _translated(error: Exception) -> Exception:
    """An error of S3's client as one of ours."""
    response: dict[str, Any] = getattr(error, "response", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if status == 404 and response.get("Error", {}).get("Code") != "NoSuchBucket":
        return FileNotFoundError("no such object")
    if status == 416:  # an empty object has no range, and no sealed file is empty
        return Tampered("an empty object")
    return _counted(StorageFull() if status == 507 else Unavailable())


def _counted(error: StorageFull | Unavailable) -> StorageFull | Unavailable:
    """For /metrics."""
    counting.count(f"vault_{error.code}")
    return error
