"""A byte that changed in storage is told by a stable code, and an archive leaves only that file out."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Export
from accounts.vault.sealing import BATCH, HEADER, SEGMENT, Tampered
from accounts.vault.vault import store
from tests.conftest import client_of
from tests.factory import PASSWORD, full_user
from tests.test_isolation import things  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> Path:
    place = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "default": place}
    return tmp_path


def damage(path: Path, at: int = HEADER) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


def test_every_damaged_file_is_refused_with_a_code(things: dict[str, str], alice: Any, files: Path) -> None:  # noqa: F811
    export = Export.objects.create(user=alice, scope="items", status="succeeded")
    store(alice.id).write(export.file, b"a zip")
    twin, training, item = things["twin"], things["training"], things["item"]
    for path in files.rglob("*"):
        if path.is_file():
            damage(path)
    for address in (
        f"items/{item}/content",
        f"items/{item}/thumbnail",
        f"twins/{twin}/photos/{things['photo']}/content",
        f"twins/{twin}/photos/{things['photo']}/thumbnail",
        f"trainings/{training}/weights",
        f"trainings/{training}/samples/0",
        f"exports/{export.id}/content",
    ):
        answer = client_of(alice).get(f"/api/v1/{address}")
        assert (answer.status_code, answer.json().get("code")) == (410, "file_damaged"), address


def packed(user: Any, work: Callable[[], int], address: str, body: Any) -> zipfile.ZipFile:
    asked = client_of(user).post(f"/api/v1/{address}", body, format="json").json()
    work()
    answer = client_of(user).get(f"/api/v1/exports/{asked['id']}/content")
    return zipfile.ZipFile(io.BytesIO(b"".join(answer)))


@pytest.mark.parametrize(
    "address, body, index",
    [("me/export", {"password": PASSWORD}, "index.json"), ("exports", {}, "left-out.json")],
)
def test_an_archive_leaves_a_damaged_picture_out_and_says_so(
    address: str, body: Any, index: str, work: Callable[[], int], files: Path
) -> None:
    anna = full_user("amaranth")
    item = anna.items.get()
    damage(files / f"users/{anna.id.hex}/{item.content}")
    archive = packed(anna, work, address, body)
    assert archive.testzip() is None
    assert not [name for name in archive.namelist() if name.startswith("pictures/") and name.endswith(".png")]
    assert [name for name in archive.namelist() if str(item.id)[:8] in name]  # what it was made from
    listed = json.loads(archive.read(index))
    left_out = listed["left_out"] if isinstance(listed, dict) else listed
    assert "damaged" in next(entry["what"] for entry in left_out if str(item.id)[:8] in entry["path"])


def test_damage_at_the_end_of_a_long_file_is_found_before_its_first_piece(alice: Any, files: Path) -> None:
    vault, size = store(alice.id), BATCH * SEGMENT + 5
    vault.write("a/long", bytes(size))
    assert b"".join(vault.open_checked("a/long")) == bytes(size)
    damage(files / f"users/{alice.id.hex}/a/long", at=-60)
    with pytest.raises(Tampered):
        next(vault.open_checked("a/long"))
