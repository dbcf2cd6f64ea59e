"""An archive of a user's data is complete, explains each file, and holds no data of other users."""

from __future__ import annotations

import errno
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage

from accounts import archive
from accounts.models import Export, User
from accounts.notices.models import Notice
from accounts.vault.vault import store
from config import registry
from tests.conftest import client_of, jpeg
from tests.factory import PASSWORD, full_user

pytestmark = pytest.mark.django_db
ANNA = "amaranth"


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path) -> None:
    place = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "default": place}


@pytest.fixture
def anna(db: None) -> Any:
    return full_user(ANNA)


def ask(user: Any) -> Any:
    return client_of(user).post("/api/v1/me/export", {"password": PASSWORD}, format="json")


@pytest.fixture
def packed(anna: Any, work: Callable[[], int]) -> zipfile.ZipFile:
    asked = ask(anna).json()
    work()
    answer = client_of(anna).get(f"/api/v1/exports/{asked['id']}/content")
    return zipfile.ZipFile(io.BytesIO(b"".join(answer)))


def text(packed: zipfile.ZipFile, ending: str) -> str:
    return "\n".join(packed.read(n).decode() for n in packed.namelist() if n.endswith(ending))


def test_an_archive_holds_a_file_of_every_kind(packed: zipfile.ZipFile, anna: Any) -> None:
    names = packed.namelist()
    assert packed.testzip() is None
    for ending in (
        ".jpg",
        "/lora.safetensors",
        "/samples/0.png",
        "/training.json",
        "/twin.json",
        "albums.json",
    ):
        assert any(n.endswith(ending) for n in names), ending
    (weights,) = [n for n in names if n.endswith(".safetensors")]
    assert packed.read(weights) == f"lora of {ANNA}".encode()
    (photo,) = [n for n in names if n.endswith(".jpg") and not n.startswith(("restorations/", "support/"))]
    assert packed.read(photo) == jpeg(7)
    (picture,) = [n for n in names if n.startswith("pictures/") and n.endswith(".png")]
    assert packed.read(picture) == store(anna.id).read(anna.items.get().content)


def test_pictures_of_one_day_whose_ids_begin_alike_are_two_files(anna: Any, work: Callable[[], int]) -> None:
    from gallery.models import Item

    first = Item.objects.get(user=anna)
    for name in (first.content, first.thumbnail):
        files = store(anna.id)
        other = str(first.id)[:8] + "-ffff-4fff-8fff-ffffffffffff"
        files.write(name.replace(str(first.id), other), files.read(name))
    Item.objects.create(id=other, user=anna, created_at=first.created_at, width=1, height=1, size=1)
    ident = ask(anna).json()["id"]
    work()
    answer = client_of(anna).get(f"/api/v1/exports/{ident}/content")
    names = zipfile.ZipFile(io.BytesIO(b"".join(answer))).namelist()
    assert len(names) == len(set(names))


def test_an_archive_holds_every_row_of_the_exported_models(packed: zipfile.ZipFile, anna: Any) -> None:
    """All but the notice that the archive itself is packed: it comes after the archive."""
    said, later = text(packed, ".json"), Notice.objects.owned_by(anna).latest("created_at").pk
    for each in registry.erasers:
        for model, path in each.models.items():
            if (
                any(model in e.models for e in registry.exporters)
                and model._meta.label != "gallery.AlbumItem"
            ):
                for row in model._base_manager.filter(**{path: anna.pk}).exclude(pk=later):
                    assert str(row.pk) in said, row


def test_an_archive_holds_consents_payments_and_decisions(packed: zipfile.ZipFile) -> None:
    consents = json.loads(packed.read("account/consents.json"))
    assert {"terms", "biometric_twin", "face_search", "improvement"} == {c["kind"] for c in consents}
    assert all(c["wording"] and c["version"] and c["given_at"] for c in consents)
    assert json.loads(packed.read("billing/movements.json"))
    assert json.loads(packed.read("billing/invoices.json"))[0]["total"] == 600
    assert "prompt_refused" in text(packed, "decisions.json")


def test_an_archive_holds_no_secret(packed: zipfile.ZipFile, anna: Any) -> None:
    everything = text(packed, ".json")
    assert User.objects.get(id=anna.id).password not in everything
    assert "session_key" not in everything
    assert not any('"secret"' in line or '"seed": "' in line for line in everything.splitlines())


def test_it_does_not_say_who_of_the_staff_ran_a_job_again(anna: Any, wake_ups: Any) -> None:
    from generation.models import Job
    from twins.models import Training

    for kind in (Job, Training):
        kind.objects.filter(user=anna).update(retry_cause="staff nightingale")
    everything = archive.members(Export(user=anna, scope="everything"))
    told = b"".join(b"".join(m.chunks or ()) for m in everything if m.path.endswith(".json"))
    assert b"generations" in told
    assert b"nightingale" not in told


def test_the_index_explains_every_file_and_what_was_left_out(packed: zipfile.ZipFile, anna: Any) -> None:
    index = json.loads(packed.read("index.json"))
    assert [f["path"] for f in index["files"]] == [n for n in packed.namelist() if n != "index.json"]
    assert all(f["what"].endswith(".") for f in index["files"])
    (checked,) = index["left_out"]  # a photo that is still being checked
    assert checked["path"].endswith(".jpg")


def test_an_archive_is_described_in_its_owners_language(anna: Any, work: Callable[[], int]) -> None:
    User.objects.filter(id=anna.id).update(language="es")
    members = {
        m.path: m for m in archive.members(Export(user=User.objects.get(id=anna.id), scope="everything"))
    }
    index = json.loads(b"".join(members["index.json"].chunks or ()))
    assert "Tu perfil" in index["files"][0]["what"]


def test_two_requests_make_one_archive(anna: Any, wake_ups: Any) -> None:
    first, second = ask(anna), ask(anna)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]


def test_the_password_is_asked_for_again(anna: Any, client: Any) -> None:
    refused = client_of(anna).post("/api/v1/me/export", {}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "reauthentication_required")
    client.force_login(anna)
    client.post("/account/everything/", {"proof": "wrong"})
    assert not Export.objects.filter(scope="everything").exists()
    asked = client.post("/account/everything/", {"proof": PASSWORD})
    assert asked["Location"].startswith("/account/archives/")


def test_a_file_deleted_during_packing_is_left_out(anna: Any, work: Callable[[], int]) -> None:
    store(anna.id).delete(anna.items.get().content)
    asked = ask(anna).json()
    work()
    assert Export.objects.get(id=asked["id"]).status == "succeeded"


class Full:
    """A full storage: reading works, writing fails."""

    def __init__(self, location: str) -> None:
        self.disk = FileSystemStorage(location)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.disk, name)

    def save(self, name: str, content: Any) -> str:
        raise OSError(errno.ENOSPC, "no space left on device")


def test_on_a_full_disk_an_archive_fails_with_a_reason_and_leaves_no_file(
    anna: Any, work: Callable[[], int], settings: Any, tmp_path: Path
) -> None:
    asked = ask(anna).json()
    before = sorted(p for p in tmp_path.rglob("*") if p.is_file())
    full = {**settings.STORAGES["default"], "BACKEND": "tests.accounts.test_archives.Full"}
    settings.STORAGES = {**settings.STORAGES, "default": full}
    work()
    run = Export.objects.get(id=asked["id"])
    assert (run.status, run.error_code) == ("failed", "storage_full")
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == before


def test_only_one_piece_of_one_file_is_in_memory(anna: Any) -> None:
    """A file is opened only when it is packed, and read piece by piece."""
    opened = []

    def pieces(name: str) -> Any:
        opened.append(name)
        yield b"x" * 10
        yield b"y" * 10

    found = (registry.Member(f"{n}", pieces(f"{n}")) for n in range(3))
    out = archive.zipped(found)
    next(out)
    assert opened == ["0"]


def test_of_a_long_list_one_entry_is_in_memory() -> None:
    read = []
    entries = ({"number": read.append(n) or n} for n in range(3))  # type: ignore[func-returns-value]
    chunks = iter(archive.json_list("x.json", entries, "").chunks or ())
    assert json.loads(next(chunks) + b"]") == [{"number": 0}]
    assert read == [0]


@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_list_of_any_length_is_valid(length: int) -> None:
    entries = [{"number": n} for n in range(length)]
    member = archive.json_list("x.json", iter(entries), "")
    assert json.loads(b"".join(member.chunks or ())) == entries


def test_long_lists_are_read_while_they_are_packed(anna: Any) -> None:
    long = {m.path: m for each in registry.exporters for m in each.members(anna)}
    for path in ("generations.json", "billing/movements.json", "account/decisions.json"):
        assert not isinstance(long[path].chunks, list)
