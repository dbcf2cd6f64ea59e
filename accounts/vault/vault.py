"""The files of each user, sealed with the user's own key, in Django's default storage (file system or S3).

Master keys (settings or a generated file) wrap data keys (one row per user), which seal files (sealing.py).
All plain bytes stay in memory. A name is relative to its owner: the storage has the file at
`users/<id>/<name>`. Names are not encrypted, so they must hold nothing personal.

Errors of all functions: FileNotFoundError for a file (or a user's key) that does not exist, Tampered,
StorageFull, Unavailable when the storage does not answer, and ValueError for an invalid name, which is a bug
of the caller.
"""

from __future__ import annotations

import base64
import posixpath
import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from accounts.models import DataKey
from accounts.vault import sealing
from accounts.vault.sealing import MasterKeys
from accounts.vault.storage import UserStorage, storage_of

KEY_SECONDS = 60.0  # how long a data key may be used after its row was read
NAME = re.compile(r"[a-z0-9][a-z0-9._/-]*")


# ---------------------------------------------------------------- the vault


@dataclass(frozen=True)
class Vault:
    """One user's files. It implements the `Store` of ml/types.py.

    Reads of a name may overlap its writes: a reader gets the old or the new file, never a mixture. On S3 a
    ranged read raises Unavailable when the file is replaced meanwhile.
    """

    user_id: UUID

    def read(self, name: str) -> bytes:
        context, key = self._context(name), _key_to_read(self.user_id)
        with self._storage().source(name) as source:
            return sealing.open_whole(key, context, bytes(source.read(0, source.size)))

    def open_range(self, name: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The plain bytes from `start` up to `stop`, piece by piece. Opens the file at the first piece."""
        context, key = self._context(name), _key_to_read(self.user_id)
        return self._pieces(name, key, context, start, stop)

    def open_checked(self, name: str) -> Iterator[bytes]:
        """The whole file, piece by piece. It is read to its end before the first piece is given, so that no
        error comes after it."""
        context, key = self._context(name), _key_to_read(self.user_id)
        return self._checked_pieces(name, key, context)

    def write(self, name: str, data: bytes) -> None:
        self.write_stream(name, [data])

    def write_stream(self, name: str, chunks: Iterable[bytes]) -> None:
        """Writes all or nothing: an error, also one in `chunks`, leaves the file as it was.

        `chunks` may be iterated in another thread.
        """
        context, key = self._context(name), _key_to_write(self.user_id)
        self._storage().save(name, sealing.seal(key, context, chunks))
        # If the key was destroyed meanwhile, this file must not stay behind.
        if not DataKey.objects.filter(user_id=self.user_id).exists():
            self.delete(name)
            raise FileNotFoundError("the key to these files was destroyed")

    def exists(self, name: str) -> bool:
        return self._storage().exists(_checked(name))

    def delete(self, name: str) -> None:
        """Deletes the file, if it exists."""
        self._storage().delete(_checked(name))

    def delete_all(self, prefix: str = "") -> None:
        """Deletes all files in the folder `prefix`, such as "twins/7/", or all files of the user."""
        if prefix and _checked(prefix.removesuffix("/")) + "/" != prefix:
            raise ValueError(f"a prefix ends with a slash: {prefix!r}")
        self._storage().delete_tree(prefix.removesuffix("/"))

    def size(self, name: str) -> int:
        """The number of plain bytes, computed from the size of the sealed file."""
        return sealing.plain_size(self._storage().size(_checked(name)))

    def etag(self, name: str) -> str:
        """The SHA-256 of the plain bytes in hex, read from the end of the file."""
        context, key = self._context(name), _key_to_read(self.user_id)
        with self._storage().source(name) as source:
            return sealing.open_digest(key, context, source).hex()

    def _pieces(self, name: str, key: bytes, context: bytes, start: int, stop: int | None) -> Iterator[bytes]:
        with self._storage().source(name) as source:
            yield from sealing.open_range(key, context, source, start, stop)

    def _checked_pieces(self, name: str, key: bytes, context: bytes) -> Iterator[bytes]:
        with self._storage().source(name) as source:
            if source.size > sealing.sealed_size(sealing.BATCH * sealing.SEGMENT):  # more than one piece
                for _piece in sealing.open_range(key, context, source):
                    pass
            yield from sealing.open_range(key, context, source)

    def _context(self, name: str) -> bytes:
        return f"{self.user_id.hex}/{_checked(name)}".encode()

    def _storage(self) -> UserStorage:
        return storage_of(self.user_id)


def store(user_id: UUID) -> Vault:
    return Vault(user_id)


def destroy(user_id: UUID) -> None:
    """Deletes the data key, then, once that is committed, the files.

    From then on nothing decrypts, except that a process which has read the key may use it for up to
    KEY_SECONDS.
    """
    with transaction.atomic():
        DataKey.objects.filter(user_id=user_id).delete()
        transaction.on_commit(partial(erase_files, user_id))


def erase_files(user_id: UUID) -> None:
    """Deletes the files of a user whose data key is deleted. It may be repeated."""
    _kept.drop(user_id)
    store(user_id).delete_all()


def seal_value(user_id: UUID, name: str, plain: bytes) -> bytes:
    """A small secret sealed for a column of a row, which `name` names."""
    return b"".join(sealing.seal(_key_to_write(user_id), _value_context(user_id, name), [plain]))


def open_value(user_id: UUID, name: str, sealed: bytes) -> bytes:
    return sealing.open_whole(_key_to_read(user_id), _value_context(user_id, name), sealed)


def _value_context(user_id: UUID, name: str) -> bytes:
    """Differs from that of any file: no name of a file has an upper-case letter."""
    return f"{user_id.hex}/VALUE/{_checked(name)}".encode()


def _checked(name: str) -> str:
    if not NAME.fullmatch(name) or ".." in name or posixpath.normpath(name) != name:
        raise ValueError(f"not a name for a file: {name!r}")
    return name


# ---------------------------------------------------------------- keys


@cache
def master_keys() -> MasterKeys:
    """From settings.VAULT_MASTER_KEYS: name -> base64 of 32 bytes; the first is current.

    Raises ImproperlyConfigured for a key that cannot be used. Tests that change settings call
    `master_keys.cache_clear()`.
    """
    try:
        keys = {k: base64.b64decode(v, validate=True) for k, v in settings.VAULT_MASTER_KEYS.items()}
        return MasterKeys(keys, current=next(iter(keys)))
    except ValueError as e:
        raise ImproperlyConfigured(f"VAULT_MASTER_KEYS: {e}") from e


def rewrap_keys() -> int:
    """Wraps every data key with the current master key, so that older master keys can be removed; returns
    how many were wrapped anew.
    """
    master, done = master_keys(), 0
    for user_id, wrapped in DataKey.objects.values_list("user_id", "wrapped").iterator():
        if sealing.wrapped_by(bytes(wrapped)) != master.current:
            fresh = _wrap(user_id, _unwrap(user_id, wrapped))
            done += DataKey.objects.filter(user_id=user_id, wrapped=wrapped).update(wrapped=fresh)
    return done


def keys_by_master() -> Counter[str]:
    """How many data keys each master key wraps, by its name."""
    rows = DataKey.objects.values_list("wrapped", flat=True).iterator()
    return Counter(sealing.wrapped_by(bytes(wrapped)) for wrapped in rows)


class _Kept:
    """A cache of unwrapped data keys, for KEY_SECONDS after their rows were read."""

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
    # Cached once its row is committed: a key whose insert is rolled back must not be used afterwards.
    transaction.on_commit(partial(_kept.put, user_id, key, read_at))
    return key


def _key_to_write(user_id: UUID) -> bytes:
    """Reads the row, never the cache: a file sealed with a destroyed key would be lost."""
    fresh = {"wrapped": lambda: _wrap(user_id, sealing.new_key())}
    row, _ = DataKey.objects.get_or_create(user_id=user_id, defaults=fresh)
    return _unwrap(user_id, row.wrapped)


def _wrap(user_id: UUID, key: bytes) -> bytes:
    return sealing.wrap(master_keys(), key, user_id.bytes)


def _unwrap(user_id: UUID, wrapped: bytes | memoryview) -> bytes:
    return sealing.unwrap(master_keys(), bytes(wrapped), user_id.bytes)
