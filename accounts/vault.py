"""Everybody's files, sealed with a key of their own, over Django's default storage (file system or S3).

Master keys (settings or a generated file) wrap data keys (one row per person), these seal files (sealing.py). All plain bytes
stay in memory. Names are relative to their owner: `users/<id>/<name>` is where the storage has them, and file names there
say no more than the names do, so never put anything personal into one.

Errors of all functions: FileNotFoundError for a name (or a person's key) that is not there, Tampered, StorageFull,
Unavailable when the storage does not answer, and ValueError for a name that no code of ours should make.
"""

from __future__ import annotations

import base64
import errno
import fcntl
import io
import os
import posixpath
import re
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import IO, Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.db import transaction

from accounts import sealing
from accounts.models import DataKey
from accounts.sealing import MasterKeys, Source, Tampered
from config.errors import StorageFull, Unavailable

try:
    from botocore.exceptions import BotoCoreError, ClientError

    S3_ERRORS: tuple[type[Exception], ...] = (BotoCoreError, ClientError)
except ImportError:  # a file system needs no client for S3
    S3_ERRORS = ()

KEY_SECONDS = 60.0  # how long a data key may be used after its row was read
ASIDE = ".aside"  # no name begins with a dot
NAME = re.compile(r"[a-z0-9][a-z0-9._/-]*")
FIRST = sealing.sealed_size(sealing.SEGMENT)  # bytes of the first GET: a small file comes whole


# ---------------------------------------------------------------- the vault


@dataclass(frozen=True)
class Vault:
    """One person's files; a `Store` of ml/types.py, and more. Reads of one name may overlap its writes: a reader gets the
    old or the new file, never a mixture (on S3 a range that is overtaken by a write raises Unavailable)."""

    user_id: UUID

    def read(self, name: str) -> bytes:
        context, key = self._context(name), _key_to_read(self.user_id)
        with self._shelf().source(name) as source:
            return sealing.open_whole(key, context, bytes(source.read(0, source.size)))

    def open_range(self, name: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The plain bytes from `start` up to `stop`, piece by piece; opens the file with the first piece."""
        context, key = self._context(name), _key_to_read(self.user_id)
        return self._pieces(name, key, context, start, stop)

    def write(self, name: str, data: bytes) -> None:
        self.write_stream(name, [data])

    def write_stream(self, name: str, chunks: Iterable[bytes]) -> None:
        """All or nothing: a write that fails, also in `chunks`, leaves the name as it was. May iterate in another thread."""
        context, key = self._context(name), _key_to_write(self.user_id)
        self._shelf().save(name, sealing.seal(key, context, chunks))
        if not DataKey.objects.filter(user_id=self.user_id).exists():  # destroyed meanwhile: nothing may stay behind
            self.delete(name)
            raise FileNotFoundError("the key to these files was destroyed")

    def exists(self, name: str) -> bool:
        return self._shelf().exists(_checked(name))

    def delete(self, name: str) -> None:
        """Deletes the file; one that is not there is fine."""
        self._shelf().delete(_checked(name))

    def delete_all(self, prefix: str = "") -> None:
        """Deletes everything in the folder `prefix`, such as "twins/7/", or everything there is."""
        if prefix and _checked(prefix.removesuffix("/")) + "/" != prefix:
            raise ValueError(f"a prefix ends with a slash: {prefix!r}")
        self._shelf().delete_tree(prefix.removesuffix("/"))

    def size(self, name: str) -> int:
        """Plain bytes, by the size of the sealed file."""
        return sealing.plain_size(self._shelf().size(_checked(name)))

    def etag(self, name: str) -> str:
        """The SHA-256 of the plain bytes in hex, read from the end of the file."""
        context, key = self._context(name), _key_to_read(self.user_id)
        with self._shelf().source(name) as source:
            return sealing.open_digest(key, context, source).hex()

    def _pieces(self, name: str, key: bytes, context: bytes, start: int, stop: int | None) -> Iterator[bytes]:
        with self._shelf().source(name) as source:
            yield from sealing.open_range(key, context, source, start, stop)

    def _context(self, name: str) -> bytes:
        return f"{self.user_id.hex}/{_checked(name)}".encode()

    def _shelf(self) -> _Shelf:
        return _shelf(f"users/{self.user_id.hex}")


def store(user_id: UUID) -> Vault:
    return Vault(user_id)


def destroy(user_id: UUID) -> None:
    """Deletes the data key, then, once that is committed, the files.

    From then on nothing decrypts, except that another process which read the key before may use it for KEY_SECONDS more.
    """
    with transaction.atomic():
        DataKey.objects.filter(user_id=user_id).delete()
        transaction.on_commit(partial(_erase, user_id))


def _erase(user_id: UUID) -> None:
    _kept.drop(user_id)
    store(user_id).delete_all()


def sweep_asides(older_than: float = 86400.0) -> int:
    """Deletes what killed writers left aside more than `older_than` seconds ago; answers how many files. File system only."""
    storage = storages["default"]
    if not isinstance(storage, FileSystemStorage):
        return 0
    stale = [p for p in Path(storage.path("users")).glob(f"*/{ASIDE}/*") if _age(p) > older_than]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:  # its writer has just finished
        return 0.0


def _checked(name: str) -> str:
    if not NAME.fullmatch(name) or ".." in name or posixpath.normpath(name) != name:
        raise ValueError(f"not a name for a file: {name!r}")
    return name


# ---------------------------------------------------------------- keys


@cache
def master_keys() -> MasterKeys:
    """From settings.VAULT_MASTER_KEYS (id -> base64 of 32 bytes, the first is current), else from VAR/keys/master, id `local`.

    ImproperlyConfigured for what cannot be used. Tests that change settings call `master_keys.cache_clear()`.
    """
    try:
        configured = settings.VAULT_MASTER_KEYS or {"local": _generated(Path(settings.VAR) / "keys" / "master")}
        keys = {name: base64.b64decode(text, validate=True) for name, text in configured.items()}
        return MasterKeys(keys, current=next(iter(keys)))
    except ValueError as e:
        raise ImproperlyConfigured(f"VAULT_MASTER_KEYS or its file: {e}") from e


def rewrap_keys() -> int:
    """Wraps with the current master key every data key that an older one wraps, so that the older one can go; answers how many."""
    master, done = master_keys(), 0
    for user_id, wrapped in DataKey.objects.values_list("user_id", "wrapped").iterator():
        if sealing.wrapped_by(bytes(wrapped)) != master.current:
            fresh = _wrap(user_id, _unwrap(user_id, wrapped))
            done += DataKey.objects.filter(user_id=user_id, wrapped=wrapped).update(wrapped=fresh)
    return done


def _generated(file: Path) -> str:
    """The key in `file`, made when there is none. Under a lock, so that two processes at once get one key."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        if not (text := f.read().strip()):
            text = base64.b64encode(sealing.new_key()).decode()
            f.write(text)
            _flush(f)
            _flush_folder(file.parent)
    return text


class _Kept:
    """Unwrapped data keys, for KEY_SECONDS after their rows were read."""

    def __init__(self) -> None:
        self._keys: dict[UUID, tuple[float, bytes]] = {}
        self._lock = threading.Lock()

    def get(self, user_id: UUID) -> bytes | None:
        with self._lock:
            read_at, key = self._keys.get(user_id, (0.0, b""))
        return key if key and time.monotonic() - read_at < KEY_SECONDS else None

    def put(self, user_id: UUID, key: bytes, read_at: float) -> None:
        with self._lock:
            self._keys = {u: k for u, k in self._keys.items() if time.monotonic() - k[0] < KEY_SECONDS}
            self._keys[user_id] = (read_at, key)

    def drop(self, user_id: UUID) -> None:
        with self._lock:
            self._keys.pop(user_id, None)


_kept = _Kept()


def _key_to_read(user_id: UUID) -> bytes:
    if key := _kept.get(user_id):
        return key
    read_at = time.monotonic()
    row = DataKey.objects.filter(user_id=user_id).first()
    if row is None:
        raise FileNotFoundError("there is no key to these files")
    key = _unwrap(user_id, row.wrapped)
    # Only a committed row's: a key whose insert is rolled back must not seal or open anything afterwards.
    transaction.on_commit(partial(_kept.put, user_id, key, read_at))
    return key


def _key_to_write(user_id: UUID) -> bytes:
    """Always from the row: a file sealed with a key destroyed meanwhile would be lost."""
    fresh = {"wrapped": lambda: _wrap(user_id, sealing.new_key())}
    row, _ = DataKey.objects.get_or_create(user_id=user_id, defaults=fresh)
    return _unwrap(user_id, row.wrapped)


def _wrap(user_id: UUID, key: bytes) -> bytes:
    return sealing.wrap(master_keys(), key, user_id.bytes)


def _unwrap(user_id: UUID, wrapped: bytes | memoryview) -> bytes:
    return sealing.unwrap(master_keys(), bytes(wrapped), user_id.bytes)


# ---------------------------------------------------------------- where sealed bytes lie


class _Shelf:
    """The sealed files of one person on any Django storage that replaces an object in one step (file_overwrite)."""

    def __init__(self, storage: Any, home: str):
        self.storage = storage
        self.home = home

    def path(self, name: str) -> str:
        return posixpath.join(self.home, name).rstrip("/")

    def save(self, name: str, chunks: Iterator[bytes]) -> None:
        with _storage_errors():
            path = self.storage.save(self.path(name), File(io.BufferedReader(_Stream(chunks))))
            if path != self.path(name):
                self.storage.delete(path)
                raise ImproperlyConfigured("the storage renames instead of replacing: set file_overwrite")

    @contextmanager
    def source(self, name: str) -> Iterator[Source]:
        with _storage_errors(), self.storage.open(self.path(name)) as f:
            yield Source(f.seek(0, os.SEEK_END), partial(_read_part, f))

    def size(self, name: str) -> int:
        with _storage_errors():
            return self.storage.size(self.path(name))

    def exists(self, name: str) -> bool:
        with _storage_errors():
            return self.storage.exists(self.path(name))

    def delete(self, name: str) -> None:
        with _storage_errors():
            self.storage.delete(self.path(name))

    def delete_tree(self, folder: str) -> None:
        with _storage_errors(), suppress(FileNotFoundError):
            folders, files = self.storage.listdir(self.path(folder))
            for name in folders:
                self.delete_tree(posixpath.join(folder, name))
            for name in files:
                self.storage.delete(self.path(posixpath.join(folder, name)))


class _Folder(_Shelf):
    """On a file system: written aside, then renamed."""

    def save(self, name: str, chunks: Iterator[bytes]) -> None:
        target, aside = self._file(name), self._file(f"{ASIDE}/{uuid4().hex}")
        with _storage_errors():
            try:
                _write(aside, chunks)
                target.parent.mkdir(parents=True, exist_ok=True)
                aside.replace(target)
            except BaseException:
                aside.unlink(missing_ok=True)
                raise

    def exists(self, name: str) -> bool:
        with _storage_errors():
            return self._file(name).is_file()

    def delete_tree(self, folder: str) -> None:
        super().delete_tree(folder)
        with suppress(OSError):  # somebody has just written there, or it was never there
            self._file(folder).rmdir()

    def _file(self, name: str) -> Path:
        return Path(self.storage.path(self.path(name)))


class _Bucket(_Shelf):
    """On S3: django-storages fetches whole objects on open, so ranges are our own GETs."""

    @contextmanager
    def source(self, name: str) -> Iterator[Source]:
        with _storage_errors():
            yield _ranged(self.storage.bucket.Object(self._key(name)))

    def _key(self, name: str) -> str:
        return posixpath.join(self.storage.location, self.path(name)).lstrip("/")


def _shelf(home: str) -> _Shelf:
    storage: Storage = storages["default"]
    if isinstance(storage, FileSystemStorage):
        return _Folder(storage, home)
    if hasattr(getattr(storage, "bucket", None), "Object"):
        return _Bucket(storage, home)
    return _Shelf(storage, home)


def _ranged(obj: Any) -> Source:
    """An object of boto3 by ranged GETs. IfMatch: all parts are of the version that the first GET saw."""
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
        _flush(f)


def _flush(f: IO[Any]) -> None:
    f.flush()
    os.fsync(f.fileno())


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Stream(io.RawIOBase):
    """Chunks as a file to be read once, for storages that want one."""

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
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as e:
        raise (StorageFull() if e.errno in (errno.ENOSPC, errno.EDQUOT) else Unavailable()) from e
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
    return StorageFull() if status == 507 else Unavailable()
