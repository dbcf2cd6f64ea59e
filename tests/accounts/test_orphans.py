"""Files that no row names are deleted after a day; all other files stay."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from accounts.vault import orphans
from accounts.vault.storage import ASIDE
from accounts.vault.vault import store

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> None:
    """An empty storage for this test only."""
    folder = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(tmp_path)},
    }
    settings.STORAGES = {**settings.STORAGES, "default": folder}


def home(user_id: uuid.UUID) -> Path:
    from django.core.files.storage import storages

    return Path(storages["default"].path(f"users/{user_id.hex}"))  # type: ignore[attr-defined]


def age(folder: Path) -> None:
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))


def names(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_old_files_that_no_row_names_are_deleted(alice: Any) -> None:
    files, folder = store(alice.id), home(alice.id)
    files.write("items/0/content", b"of a worker that was killed")
    assert orphans.sweep() == 0
    (folder / ASIDE / "half").write_bytes(b"half")
    age(folder)
    assert (orphans.sweep(dry=True), len(names(folder))) == (2, 2)
    assert (orphans.sweep(), names(folder)) == (2, set())


def test_files_that_rows_name_stay(trained: Any, as_alice: Any, work: Any) -> None:
    body = {"twin": str(trained.id), "prompt": "a portrait", "seed": 3}
    as_alice.post("/api/v1/generations", body, format="json", headers={"Idempotency-Key": "one"})
    as_alice.post("/api/v1/exports", {}, format="json")
    work()
    folder = home(trained.user_id)
    before = names(folder)
    age(folder)
    assert orphans.sweep() == 0
    assert {n.split("/")[0] for n in before} == {"exports", "items", "twins"}
    assert names(folder) == before


def test_files_of_unknown_users_are_deleted(alice: Any) -> None:
    store(alice.id).write("exports/x.zip", b"so that this storage is known to be ours")
    gone = uuid.uuid4()
    folder = home(gone) / "items"
    folder.mkdir(parents=True)
    (folder / "x").write_bytes(b"sealed, without a key")
    age(home(gone))
    assert orphans.sweep() == 1
    assert names(home(gone)) == set()


def test_with_the_wrong_database_files_of_unknown_users_stay(db: None) -> None:
    folder = home(uuid.uuid4()) / "items"
    folder.mkdir(parents=True)
    (folder / "x").write_bytes(b"sealed")
    age(folder.parent)
    assert orphans.sweep() == 0
    assert names(folder) == {"x"}


def test_files_of_open_runs_stay(twin: Any, photos: list[Any], wake_ups: Any) -> None:
    from tests.conftest import jpeg
    from twins import services

    photo = services.add_photo(twin, data=jpeg())
    training = services.start_training(twin, seed=1)
    files, folder = store(twin.user_id), home(twin.user_id)
    files.write(training.checkpoint_file, b"half way")
    age(folder)
    assert orphans.sweep() == 0
    assert files.exists(photo.quarantine)
    assert files.exists(training.checkpoint_file)


@pytest.mark.django_db(transaction=True)
def test_files_left_by_a_failed_delete_are_deleted(trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts.vault.vault import Vault
    from config.errors import Unavailable
    from twins import services

    def away(self: Vault, prefix: str = "") -> None:
        raise Unavailable

    folder = home(trained.user_id)
    with monkeypatch.context() as broken:
        broken.setattr(Vault, "delete_all", away)
        services.delete_twin(trained)
    assert names(folder)
    age(folder)
    orphans.sweep()
    assert names(folder) == set()
