"""Sealed files: AES-256-GCM in segments, so that a range can be read alone and every change is detected.

A sealed file, lengths in bytes:

    version 1 | file id 16 | (segment 0..SEGMENT | tag 16) once or more | SHA-256 of the plain bytes 32
    | tag 16

All segments but the last are full, and the last is empty only in an empty file. Every written file has its
own key: HKDF-SHA-256 (RFC 5869) of the user's data key, with the random file id as salt and the context
(user id and name) as info. So a nonce is only the index of a segment and its kind: middle, last or digest
(the STREAM construction, Hoang et al., CRYPTO 2015). A segment from another place, file, name or user does
not open.

Not detected: somebody who can write to the storage puts back an older sealed version of the same file.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from config.runs import counting

VERSION = 1
SEGMENT = 64 * 1024  # plain bytes
KEY = 32
NONCE = 12
TAG = 16
HEADER = 1 + 16
TRAILER = 32 + TAG
BATCH = 16  # segments fetched by one read: 1 MiB

MIDDLE, LAST, DIGEST = range(3)


class Tampered(DomainError):
    """The bytes are not what was sealed for this place, or their key is not the one given.

    `reason` is for the log; the sentence is for the file's owner.
    """

    code, status = "file_damaged", 410
    message = _("This file is damaged in our storage and cannot be opened. Everything else is still here.")

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason
        counting.count("vault_damaged")

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"


@dataclass(frozen=True)
class Source:
    """A sealed file: its `size` in bytes, and `read(start, stop)`, which fetches a range."""

    size: int
    read: Callable[[int, int], bytes | memoryview]


def new_key() -> bytes:
    return os.urandom(KEY)


def sealed_size(plain: int) -> int:
    """The size of a sealed file that holds `plain` bytes."""
    return HEADER + plain + TAG * _count(plain) + TRAILER


def plain_size(sealed: int) -> int:
    """The inverse of `sealed_size`.

    Raises Tampered for a size that no sealed file has. The size is only authentic once a segment is opened.
    """
    body = sealed - HEADER - TRAILER
    plain = body - TAG * -(-body // (SEGMENT + TAG))
    if plain < 0 or sealed_size(plain) != sealed:
        raise Tampered("no sealed file has this size")
    return plain


def seal(key: bytes, context: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Seals plain chunks of any sizes, one after the other.

    `context` identifies the user and the file; opening needs the same context.
    """
    header = bytes([VERSION]) + os.urandom(HEADER - 1)
    cipher = _Cipher(key, context, header)
    digest = hashlib.sha256()
    yield header
    for index, (segment, kind) in enumerate(_segments(chunks)):
        digest.update(segment)
        yield cipher.seal(segment, index, kind)
    yield cipher.seal(digest.digest(), index + 1, DIGEST)


def open_whole(key: bytes, context: bytes, data: bytes) -> bytes:
    """The plain bytes of a whole sealed file. Raises Tampered if any bit has changed."""
    view = memoryview(data)
    source = Source(len(view), lambda start, stop: view[start:stop])
    open_digest(key, context, source)
    plain = io.BytesIO()  # joining the pieces would hold the file once more
    for piece in open_range(key, context, source):
        plain.write(piece)
    return plain.getvalue()


def open_range(
    key: bytes, context: bytes, source: Source, start: int = 0, stop: int | None = None
) -> Iterator[bytes]:
    """The plain bytes from `start` up to `stop` (cut to the file's size), piece by piece.

    Fetches the header and the segments of the range, at least one; changes elsewhere in the file are not
    detected. Raises Tampered before it yields a changed piece, and ValueError when `stop` is below `start`.
    """
    size = plain_size(source.size)
    if start < 0 or (stop is not None and stop < start):
        raise ValueError(f"no range: {start} to {stop}")
    cipher = _Cipher(key, context, source.read(0, HEADER))
    return _pieces(cipher, source, min(start, size), size if stop is None else min(stop, size))


def open_digest(key: bytes, context: bytes, source: Source) -> bytes:
    """The SHA-256 of the plain bytes, from the end of the file.

    Raises Tampered, also when segments were cut off or added.
    """
    cipher = _Cipher(key, context, source.read(0, HEADER))
    sealed = source.read(source.size - TRAILER, source.size)
    return cipher.open(sealed, _count(plain_size(source.size)), DIGEST)


class _Cipher:
    """Seals and opens segments with the key of one file."""

    def __init__(self, key: bytes, context: bytes, header: bytes | memoryview):
        if len(key) != KEY:
            raise ValueError("a key has 32 bytes")
        if len(header) != HEADER or header[0] != VERSION:
            raise Tampered("no sealed file of a known version")
        info = b"photoflux file 1\0" + context
        self._aead = AESGCM(HKDF(SHA256(), KEY, salt=bytes(header[1:]), info=info).derive(key))

    def seal(self, plain: bytes | bytearray, index: int, kind: int) -> bytes:
        return self._aead.encrypt(_nonce(index, kind), plain, None)

    def open(self, sealed: bytes | memoryview, index: int, kind: int) -> bytes:
        return _decrypt(self._aead, _nonce(index, kind), sealed, None)


def _count(plain: int) -> int:
    return max(1, -(-plain // SEGMENT))


def _nonce(index: int, kind: int) -> bytes:
    return index.to_bytes(NONCE - 1, "big") + bytes([kind])


def _decrypt(aead: AESGCM, nonce: bytes, sealed: bytes | memoryview, bound: bytes | None) -> bytes:
    try:
        return aead.decrypt(nonce, sealed, bound)
    except InvalidTag:
        raise Tampered("not what was sealed here") from None


def _segments(chunks: Iterable[bytes]) -> Iterator[tuple[bytearray, int]]:
    """The bytes in segments of SEGMENT, each with its kind.

    One segment is held back, because the last one is known only at the end of `chunks`.
    """
    held = bytearray()
    for chunk in chunks:
        view = memoryview(chunk)
        for at in range(0, len(view), SEGMENT):
            held += view[at : at + SEGMENT]
            if len(held) > SEGMENT:
                yield held[:SEGMENT], MIDDLE
                del held[:SEGMENT]
    yield held, LAST


def _pieces(cipher: _Cipher, source: Source, start: int, stop: int) -> Iterator[bytes]:
    last = _count(plain_size(source.size)) - 1
    first = min(start // SEGMENT, last)
    end = max(_count(stop), first + 1)
    for index, sealed in _fetch(source, first, end):
        plain = cipher.open(sealed, index, LAST if index == last else MIDDLE)
        if piece := plain[max(0, start - index * SEGMENT) : stop - index * SEGMENT]:
            yield piece


def _fetch(source: Source, first: int, end: int) -> Iterator[tuple[int, memoryview]]:
    """The sealed segments from `first` up to `end`, BATCH of them with each read."""
    step = SEGMENT + TAG
    for at in range(first, end, BATCH):
        upto = min(at + BATCH, end)
        batch = memoryview(source.read(HEADER + at * step, min(HEADER + upto * step, source.size - TRAILER)))
        for index in range(at, upto):
            yield index, batch[(index - at) * step : (index - at + 1) * step]


@dataclass(frozen=True)
class MasterKeys:
    """The keys that wrap data keys: {id: 32 bytes}, an id being 1..255 ASCII characters.

    `current` is used to wrap, all are used to unwrap.
    """

    keys: Mapping[str, bytes] = field(repr=False)
    current: str

    def __post_init__(self) -> None:
        if self.current not in self.keys:
            raise ValueError(f"no master key {self.current!r}")
        for name, key in self.keys.items():
            if not (name.isascii() and 1 <= len(name) <= 255 and len(key) == KEY):
                raise ValueError(f"the master key {name!r} needs an ASCII id and 32 bytes")


def wrap(master: MasterKeys, key: bytes, context: bytes) -> bytes:
    """`key` sealed with the current master key, whose id comes first. `context` identifies the key's user."""
    head = bytes([VERSION, len(master.current)]) + master.current.encode()
    nonce = os.urandom(NONCE)
    return head + nonce + AESGCM(master.keys[master.current]).encrypt(nonce, key, head + context)


def unwrap(master: MasterKeys, wrapped: bytes, context: bytes) -> bytes:
    """The data key. Raises Tampered if it is another user's, was changed, or its master key is missing."""
    name = wrapped_by(wrapped)
    if name not in master.keys:
        raise Tampered(f"wrapped by the master key {name!r}, which is not configured")
    at = 2 + wrapped[1]
    bound = wrapped[:at] + context
    return _decrypt(AESGCM(master.keys[name]), wrapped[at : at + NONCE], wrapped[at + NONCE :], bound)


def wrapped_by(wrapped: bytes) -> str:
    """The id of the master key that wrapped it; authentic only once it is unwrapped."""
    if len(wrapped) < 2 or wrapped[0] != VERSION or len(wrapped) != 2 + wrapped[1] + NONCE + KEY + TAG:
        raise Tampered("no wrapped key of a known version")
    return wrapped[2 : 2 + wrapped[1]].decode("ascii", errors="replace")
