"""Pictures that are there twice are found and merged, and that is undone."""

from __future__ import annotations

from typing import Any

import pytest

from gallery.models import Album, AlbumItem, Item

from .test_items import add

pytestmark = pytest.mark.django_db


def same(user: Any, count: int, etag: str, **fields: Any) -> list[Item]:
    items = add(user, count, **fields)
    Item.objects.filter(id__in=[item.id for item in items]).update(etag=etag)
    return items


def found(client: Any) -> list[set[str]]:
    return [set(group) for group in client.get("/api/v1/items/duplicates").json()["results"]]


def merge(client: Any, item: Item) -> Any:
    return client.post("/api/v1/items/duplicates/merge", {"keep": str(item.id)}, format="json").json()


def test_equal_pictures_are_found_in_ones_own_gallery_alone(as_alice: Any, alice: Any, bob: Any) -> None:
    one, two = same(alice, 2, "a")
    same(alice, 1, "b")
    same(alice, 1, "c", archived=True)
    same(alice, 1, "d", locked=True)
    for etag in "bcd":
        same(bob, 1, etag)
    same(alice, 1, "c")
    same(alice, 1, "d")
    assert found(as_alice) == [{str(one.id), str(two.id)}]


def test_the_one_that_is_kept_gets_what_the_others_have_and_an_undo_gives_it_back(
    as_alice: Any, alice: Any
) -> None:
    (keep,), (other,) = same(alice, 1, "a", tags=["x"]), same(alice, 1, "a", tags=["y"], favourite=True)
    album = Album.objects.create(user=alice, name="a")
    AlbumItem.objects.create(album=album, item=other)
    edit = merge(as_alice, keep)
    keep.refresh_from_db()
    assert (keep.tags, keep.favourite, keep.archived) == (["x", "y"], True, False)
    assert (album.items.count(), Item.objects.get(archived=True)) == (2, other)
    assert (found(as_alice), merge(as_alice, keep)["changed"]) == ([], 0)
    as_alice.post(f"/api/v1/items/bulk/{edit['id']}/undo")
    keep.refresh_from_db()
    assert (keep.tags, keep.favourite, album.items.get()) == (["x"], False, other)
    assert len(found(as_alice)) == 1


def test_a_strangers_picture_is_not_merged(as_bob: Any, alice: Any) -> None:
    items = same(alice, 2, "a")
    assert merge(as_bob, items[0])["code"] == "not_found"
    assert not Item.objects.filter(archived=True).exists()


def test_the_page_merges_a_group(client: Any, alice: Any) -> None:
    items = same(alice, 3, "a")
    client.force_login(alice)
    assert str(items[2].id) in client.get("/gallery/duplicates/").text
    page = client.post("/gallery/duplicates/merge/", {"keep": str(items[2].id)}, follow=True).text
    assert ("No picture is there twice" in page, "Last change: 2 pictures" in page) == (True, True)
    assert Item.objects.get(archived=False) == items[2]
