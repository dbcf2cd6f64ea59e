"""Albums in pages."""

from __future__ import annotations

from typing import Any

import pytest

from gallery.models import Album, AlbumItem, Item

from .test_items import add

pytestmark = pytest.mark.django_db


def filled(user: Any, name: str, items: list[Item]) -> Album:
    album = Album.objects.create(user=user, name=name)
    AlbumItem.objects.bulk_create([AlbumItem(album=album, item=item) for item in items])
    return album


@pytest.fixture
def page(client: Any, alice: Any) -> Any:
    client.force_login(alice)
    return client


def test_one_looks_for_an_album_before_making_it(page: Any, alice: Any, bob: Any) -> None:
    filled(alice, "Summer 2025", add(alice, 2))
    filled(bob, "Summer of Bob", [])
    found = page.get("/gallery/albums/?q=summer").text
    shown = [name in found for name in ("Summer 2025", "2 pictures", "Make this album", "Summer of Bob")]
    assert shown == [True, True, True, False]
    assert "Make this album" not in page.get("/gallery/albums/?q=summer 2025").text
    for _ in range(2):
        made = page.post("/gallery/albums/new/", {"name": "summer"})
        assert made["Location"] == f"/gallery/?album={Album.objects.get(name='summer').id}"


def test_a_name_of_nothing_makes_no_album(page: Any) -> None:
    for name in ("", "  ", "x" * 81):
        page.post("/gallery/albums/new/", {"name": name})
    assert not Album.objects.exists()


def test_an_album_is_renamed_emptied_and_deleted_and_its_pictures_stay(page: Any, alice: Any) -> None:
    items = add(alice, 2)
    album = filled(alice, "a", items)
    Album.objects.create(user=alice, name="taken")
    where = f"/gallery/albums/{album.id}/change/"
    assert "You have an album of this name" in page.post(where, {"name": "taken"}, follow=True).text
    assert "<h1>b</h1>" in page.post(where, {"name": "b"}, follow=True).text
    out = {"act": "unalbum", "id": str(items[0].id), "query": f"album={album.id}"}
    assert page.post("/gallery/many/", out)["Location"] == f"/gallery/?album={album.id}"
    assert list(album.items.all()) == [items[1]]
    page.post(where, {"act": "delete"})
    assert (Album.objects.filter(id=album.id).exists(), Item.objects.count()) == (False, 2)


def test_a_strangers_album_is_not_opened_or_changed(page: Any, alice: Any, bob: Any) -> None:
    album = filled(bob, "theirs", add(bob, 1))
    assert page.get(f"/gallery/?album={album.id}").status_code == 404
    assert page.post(f"/gallery/albums/{album.id}/change/", {"act": "delete"}).status_code == 404
    (mine,) = add(alice, 1)
    page.post("/gallery/many/", {"act": "unalbum", "id": str(mine.id), "query": f"album={album.id}"})
    assert album.items.count() == 1


def test_locked_pictures_are_neither_covers_nor_counted(page: Any, alice: Any) -> None:
    items = add(alice, 3)
    filled(alice, "a", items)
    Item.objects.filter(id=items[2].id).update(locked=True)
    found = page.get("/gallery/albums/").text
    assert ("2 pictures" in found, str(items[2].id) in found) == (True, False)


def test_the_list_of_albums_takes_as_many_queries_however_many(page: Any, alice: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for start in (0, 5):
        for i in range(start, start + 5):
            filled(alice, f"album {i}", add(alice, 2))
        with CaptureQueriesContext(connection) as asked:
            page.get("/gallery/albums/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_api_finds_albums_by_a_part_of_their_name(as_alice: Any, alice: Any) -> None:
    for name in ("Summer", "Winter"):
        filled(alice, name, [])
    found = as_alice.get("/api/v1/albums?q=SUM").json()["results"]
    assert [album["name"] for album in found] == ["Summer"]
