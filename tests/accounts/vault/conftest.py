"""Two vaults in a folder of each test."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from accounts.vault import vault
from accounts.vault.sealing import SEGMENT, Tampered

PLAIN = b"\xff\xd8 a plain face " * 12_345
NAME = "photos/7/original.jpg"


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """The folder of this test's sealed files."""
    folder = tmp_path / "files"
    use_storage(settings, "django.core.files.storage.FileSystemStorage", location=str(folder))
    settings.VAR = tmp_path
    settings.VAULT_MASTER_KEYS = {"local": base64.b64encode(bytes(32)).decode()}
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
    """An upload that fails after this many segments."""
    for _ in range(after):
        yield PLAIN[:SEGMENT]
    raise error


def assert_refused(of: vault.Vault, name: str) -> None:
    with pytest.raises(Tampered):
        of.read(name)
    with pytest.raises(Tampered):
        list(of.open_range(name))
