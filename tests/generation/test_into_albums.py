"""An album that is chosen before its pictures are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from billing import audit, ledger
from config import studio
from gallery.models import Album
from gallery.services import put_into_album
from generation.models import Job
from tests.conftest import jpeg, person
from tests.gallery.pictures import hang
from tests.orders import with_weights
from tests.restoring import RestorerDouble
from tests.studio import EngineDouble

pytestmark = pytest.mark.django_db


@pytest.fixture
def album(alice: Any) -> Album:
    return Album.objects.create(user=alice, name="Summer")


@pytest.fixture
def restorer() -> Iterator[RestorerDouble]:
    caches["redis"].clear()  # no uploads yet
    double = RestorerDouble()
    studio.use_engine("nano", double)
    yield double
    studio.use_engine("nano", None)


def ask(client: Any, album: Any) -> Any:
    body = {"prompt": "by the sea", "count": 2, "album": getattr(album, "id", album)}
    return client.post("/api/v1/generations", body, format="json")


def restore(client: Any, album: Album) -> Any:
    file = SimpleUploadedFile("face.jpg", jpeg(30))
    return client.post("/api/v1/restorations", {"image": file, "album": str(album.id)}, format="multipart")


def test_results_are_put_into_it_also_when_they_are_made_again(
    as_alice: Any, alice: Any, album: Album, engine: EngineDouble, work: Callable[[], int]
) -> None:
    ledger.grant(ledger.wallet_of(alice), 20, cause="test")
    asked = ask(as_alice, album).json()
    assert asked["album"] == str(album.id)
    again = as_alice.post(f"/api/v1/generations/{asked['id']}/repeat").json()
    without = as_alice.post(
        f"/api/v1/generations/{asked['id']}/repeat", {"overrides": {"album": None}}, format="json"
    ).json()
    assert (again["album"], without["album"]) == (str(album.id), None)
    work()
    found = set(map(str, album.items.values_list("id", flat=True)))
    made = {
        one["id"]: as_alice.get(f"/api/v1/generations/{one['id']}").json()["items"] for one in (asked, again)
    }
    assert found == {item for items in made.values() for item in items}
    assert len(found) == 4


def test_results_come_without_one_that_was_deleted_meanwhile(
    as_alice: Any, alice: Any, album: Album, engine: EngineDouble, work: Callable[[], int]
) -> None:
    asked = ask(as_alice, album).json()
    as_alice.delete(f"/api/v1/albums/{album.id}")
    work()
    ended = as_alice.get(f"/api/v1/generations/{asked['id']}").json()
    assert (ended["status"], len(ended["items"]), ended["album"]) == ("succeeded", 2, None)
    assert audit.problems() == []


def test_one_that_is_deleted_between_two_results_takes_the_first_alone(
    as_alice: Any, album: Album, engine: EngineDouble, work: Callable[[], int]
) -> None:
    inside: list[int] = []

    def at_each(_stage: str, _share: float) -> None:
        if album.items.count() and not inside:
            inside.append(album.items.count())
            Album.objects.filter(id=album.id).delete()

    engine.on_step = at_each
    asked = ask(as_alice, album).json()
    work()
    ended = as_alice.get(f"/api/v1/generations/{asked['id']}").json()
    assert (ended["status"], len(ended["items"]), inside) == ("succeeded", 2, [1])


@pytest.mark.parametrize("ident", ["00000000-0000-0000-0000-000000000000", None])
def test_an_album_of_somebody_else_or_of_nobody_is_not_found(
    as_alice: Any, alice: Any, engine: EngineDouble, ident: str | None
) -> None:
    other = Album.objects.create(user=person("carol@example.com"), name="Hers")
    answer = ask(as_alice, ident or other)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert not Job.objects.exists()
    assert ledger.balance(ledger.wallet_of(alice)).held == 0


def test_a_malformed_one_is_a_fault_of_the_field(as_alice: Any, engine: EngineDouble) -> None:
    answer = ask(as_alice, "summer")
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["album"])


def test_headshots_go_into_it(
    as_alice: Any, twin: Any, album: Album, engine: EngineDouble, work: Callable[[], int]
) -> None:
    with_weights(twin)
    order = {"kind": "headshots", "twin": str(twin.id), "pack": "office", "count": 8}
    asked = as_alice.post("/api/v1/generations", order | {"album": str(album.id)}, format="json").json()
    again = as_alice.post(f"/api/v1/generations/{asked['id']}/repeat").json()
    assert again["album"] == str(album.id)
    work()
    assert album.items.count() == 16


def test_restored_pictures_go_into_it(
    as_alice: Any, album: Album, restorer: RestorerDouble, work: Callable[[], int]
) -> None:
    assert restore(as_alice, album).status_code == 202
    work()
    assert album.items.get().kind == "restored"


def test_a_restoration_into_an_album_of_somebody_else_is_not_found(
    as_alice: Any, restorer: RestorerDouble
) -> None:
    other = Album.objects.create(user=person("carol@example.com"), name="Hers")
    assert restore(as_alice, other).status_code == 404
    assert not Job.objects.exists()


def test_an_item_is_put_only_into_an_own_album(alice: Any, album: Album) -> None:
    item, carol = hang(alice), person("carol@example.com")
    put_into_album(carol.id, album.id, item.id)
    assert not album.items.exists()
    put_into_album(alice.id, album.id, item.id)
    assert album.items.get() == item


@pytest.mark.django_db(transaction=True)
def test_an_album_is_not_deleted_while_an_item_is_put_into_it(alice: Any, album: Album) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import transaction

    item = hang(alice)

    def delete() -> bool:
        try:
            return bool(Album.objects.filter(id=album.id).delete())
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            put_into_album(alice.id, album.id, item.id)
            deleted = pool.submit(delete)
            assert not deleted.done()
        assert deleted.result(30)
    assert not Album.objects.exists()


# ---------------------------------------------------------------- the pages


@pytest.fixture
def page(client: Any, alice: Any) -> Any:
    client.force_login(alice)
    return client


def test_the_studio_offers_albums_and_a_new_one(page: Any, album: Album, engine: EngineDouble) -> None:
    shown = page.get("/studio/").text
    assert f'<option value="{album.id}">Into “Summer”' in shown
    sent = page.post("/studio/", {"prompt": "by the sea", "album": "new", "album_name": "  Autumn "})
    made = Album.objects.get(name="Autumn")
    assert Job.objects.get().album == made
    assert f"album={made.id}" in sent["Location"]
    assert f'<option value="{made.id}" selected>' in page.get(sent["Location"]).text


def test_a_name_that_exists_is_that_album(page: Any, album: Album, engine: EngineDouble) -> None:
    page.post("/studio/", {"prompt": "by the sea", "album": "new", "album_name": "summer"})
    assert Job.objects.get().album == album


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_a_new_one_needs_a_name(page: Any, engine: EngineDouble, name: str) -> None:
    answer = page.post("/studio/", {"prompt": "by the sea", "album": "new", "album_name": name})
    assert 'role="alert"' in answer.text
    assert "by the sea" in answer.text
    assert not Job.objects.exists()
    assert not Album.objects.exists()


def test_a_new_one_is_not_kept_when_the_request_is_refused(
    page: Any, alice: Any, engine: EngineDouble
) -> None:
    ledger.take_back(ledger.wallet_of(alice), 3, cause="test")
    page.post("/studio/", {"prompt": "by the sea", "album": "new", "album_name": "Autumn"})
    assert not Album.objects.exists()


def test_a_link_to_an_album_that_is_gone_opens_the_studio(page: Any, album: Album) -> None:
    ident = album.id
    album.delete()
    assert page.get(f"/studio/?prompt=x&album={ident}").status_code == 200


def test_headshots_and_restorations_offer_albums_too(
    page: Any, twin: Any, album: Album, restorer: RestorerDouble
) -> None:
    with_weights(twin)
    for path in ("/restore/", "/headshots/office/"):
        assert f'<option value="{album.id}">' in page.get(path).text
    page.post(
        "/restore/send/",
        {"image": SimpleUploadedFile("a.jpg", jpeg(30)), "album": "new", "album_name": "Old"},
    )
    page.post("/headshots/office/", {"twin": str(twin.id), "count": "8", "album": str(album.id)})
    assert {job.kind: job.album.name for job in Job.objects.all() if job.album} == {
        "restore": "Old",
        "headshots": "Summer",
    }
