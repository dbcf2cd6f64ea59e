"""Data keys: one for each user, wrapped by a master key. Without the key nothing can be read."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts.models import DataKey
from accounts.vault import vault
from accounts.vault.sealing import Tampered
from tests.accounts.vault.conftest import NAME, PLAIN, all_files, assert_refused, on_disk

pytestmark = pytest.mark.django_db
for_good = pytest.mark.django_db(transaction=True)  # what happens on commit, or in several threads


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
def test_files_stay_when_the_deletion_of_their_key_is_rolled_back(alice: vault.Vault) -> None:
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


def test_the_command_wraps_every_key_anew_and_names_what_is_missing(
    alice: vault.Vault, bob: vault.Vault, settings: Any, capsys: Any
) -> None:
    alice.write(NAME, PLAIN)
    settings.VAULT_MASTER_KEYS = {"2026": key_text(2)}
    vault.master_keys.cache_clear()
    with pytest.raises(CommandError, match="'local', which is not configured"):
        call_command("rewrap_keys")
    settings.VAULT_MASTER_KEYS |= {"local": base64.b64encode(bytes(32)).decode()}
    vault.master_keys.cache_clear()
    bob.write(NAME, PLAIN)
    assert vault.keys_by_master() == {"local": 1, "2026": 1}
    call_command("rewrap_keys")
    assert "1 keys are wrapped anew by the master key “2026”" in capsys.readouterr().out
    assert vault.keys_by_master() == {"2026": 2}
    assert alice.read(NAME) == bob.read(NAME) == PLAIN


def test_a_missing_master_key_is_named(alice: vault.Vault, settings: Any) -> None:
    alice.write(NAME, PLAIN)
    settings.VAULT_MASTER_KEYS = {"2026": key_text(2)}
    vault.master_keys.cache_clear()
    with pytest.raises(Tampered, match="local"):
        alice.read(NAME)


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(bytes(31)).decode(), "*" * 44])
def test_an_invalid_master_key_is_refused(settings: Any, text: str) -> None:
    settings.VAULT_MASTER_KEYS = {"2026": text}
    with pytest.raises(ImproperlyConfigured):
        vault.master_keys()
