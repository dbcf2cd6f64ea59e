"""The vault: one key for each user, nothing unencrypted on the disk, ranges read without the whole file."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.vault import vault
from accounts.vault.sealing import SEGMENT
from config.errors import StorageFull, Unavailable
from tests.accounts.vault.conftest import NAME, PLAIN, all_files, assert_refused, broken, on_disk

pytestmark = pytest.mark.django_db
for_good = pytest.mark.django_db(transaction=True)  # what happens on commit, or in several threads


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


def test_everything_in_a_folder_is_deleted_and_nothing_beside_it(
    alice: vault.Vault, bob: vault.Vault
) -> None:
    for name in ("twins/4/a", "twins/4/b/c", "twins/42/a"):
        alice.write(name, PLAIN)
    bob.write("twins/4/a", PLAIN)
    alice.delete_all("twins/4/")
    assert [alice.exists(n) for n in ("twins/4/a", "twins/4/b/c", "twins/42/a")] == [False, False, True]
    alice.delete_all()
    assert not alice.exists("twins/42/a")
    assert bob.read("twins/4/a") == PLAIN
    alice.delete_all("never/there/")


NO_NAMES = [
    "",
    "/etc/passwd",
    "../bob/x",
    "a/../b",
    "a/..",
    "a..b",
    "A",
    "a b",
    "a//b",
    "a/./b",
    "a/",
    ".aside/x",
    "é",
    "a\n",
]


@pytest.mark.parametrize("name", NO_NAMES)
def test_an_invalid_name_is_an_error(alice: vault.Vault, name: str) -> None:
    calls = (alice.read, alice.size, alice.etag, alice.exists, alice.delete, alice.open_range)
    for call in (*calls, lambda n: alice.write(n, b"x")):
        with pytest.raises(ValueError):
            call(name)


@pytest.mark.parametrize("prefix", ["twins", "/", "../", "a/../", "a//"])
def test_an_invalid_prefix_is_an_error(alice: vault.Vault, prefix: str) -> None:
    with pytest.raises(ValueError):
        alice.delete_all(prefix)


@pytest.mark.parametrize(
    "start, stop", [(0, 1), (SEGMENT - 1, SEGMENT + 1), (70_000, None), (0, 10**9), (5, 5)]
)
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
def test_an_interrupted_write_leaves_what_was_there(
    alice: vault.Vault, files: Path, error: BaseException
) -> None:
    with pytest.raises(type(error)):
        alice.write_stream(NAME, broken(3, error))
    assert all_files(files) == []
    alice.write(NAME, PLAIN)
    with pytest.raises(type(error)):
        alice.write_stream(NAME, broken(3, error))
    assert alice.read(NAME) == PLAIN
    assert len(all_files(files)) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_reported_and_leaves_no_file(
    alice: vault.Vault, files: Path, monkeypatch: Any, number: int
) -> None:
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


@pytest.mark.parametrize(
    "change", [lambda d: d[:-1], lambda d: b"", lambda d: d[:100] + bytes([d[100] ^ 1]) + d[101:]]
)
def test_a_changed_file_is_refused(alice: vault.Vault, files: Path, change: Callable[[bytes], bytes]) -> None:
    alice.write(NAME, PLAIN)
    path = on_disk(files, alice)
    path.write_bytes(change(path.read_bytes()))
    assert_refused(alice, NAME)
