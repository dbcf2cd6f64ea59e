"""The archive, and changes of many items at once with their undo."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from gallery.models import Album, AlbumItem, Item
from gallery.shelf.models import BulkEdit

from .test_items import add

pytestmark = pytest.mark.django_db


def change(client: Any, items: list[Item], **what: Any) -> Any:
    body = {"ids": [str(item.id) for item in items], **what}
    return client.post("/api/v1/items/bulk", body, format="json").json()


def undo(client: Any, edit: Any) -> Any:
    return client.post(f"/api/v1/items/bulk/{edit}/undo")


def listed(client: Any, query: str = "") -> list[str]:
    return [each["prompt"] for each in client.get(f"/api/v1/items?{query}").json()["results"]]


def test_the_archive_is_out_of_the_list_and_in_albums_and_searches_that_ask(
    as_alice: Any, alice: Any
) -> None:
    (here,), (away,) = add(alice, 1, prompt="park here"), add(alice, 1, prompt="park away")
    album = Album.objects.create(user=alice, name="a")
    AlbumItem.objects.create(album=album, item=away)
    where = f"/api/v1/items/{away.id}"
    assert as_alice.patch(where, {"archived": True}, format="json").json()["archived"] is True
    queries = ("", "q=park", "archived=true&q=park", "archived=any&q=park", f"album={album.id}")
    assert [len(listed(as_alice, q)) for q in queries] == [1, 1, 1, 2, 1]
    assert listed(as_alice) == [here.prompt]
    assert listed(as_alice, "archived=true") == ["park away"]


def test_one_request_changes_tags_albums_and_flags_and_its_undo_gives_all_back(
    as_alice: Any, alice: Any
) -> None:
    first, second = add(alice, 1, tags=["old", "x"], favourite=True)[0], add(alice, 1, tags=["new"])[0]
    into, out = (Album.objects.create(user=alice, name=name) for name in ("into", "out"))
    since = timezone.now() - timedelta(days=3)
    AlbumItem.objects.create(album=out, item=first, added_at=since)
    before = list(Item.objects.order_by("id").values("id", "tags", "favourite", "archived"))
    albums = {"add": [str(into.id)], "remove": [str(out.id)]}
    tags = {"add": ["New "], "remove": ["x"]}
    edit = change(as_alice, [first, second], favourite=True, archived=True, tags=tags, albums=albums)
    assert edit["changed"] == 2
    assert set(Item.objects.values_list("favourite", "archived")) == {(True, True)}
    assert sorted(Item.objects.values_list("tags", flat=True)) == [["new"], ["new", "old"]]
    assert (into.items.count(), out.items.count()) == (2, 0)
    assert undo(as_alice, edit["id"]).json() == {"changed": 2}
    assert list(Item.objects.order_by("id").values("id", "tags", "favourite", "archived")) == before
    assert list(AlbumItem.objects.values_list("album", "item", "added_at")) == [(out.id, first.id, since)]


def test_the_same_change_twice_changes_nothing_more_and_keeps_the_undo(as_alice: Any, alice: Any) -> None:
    items = add(alice, 3)
    edit = change(as_alice, items, favourite=True)
    again = change(as_alice, items, favourite=True)
    assert again == {"id": None, "changed": 0, "undo_until": None}
    assert [undo(as_alice, edit["id"]).json()["changed"] for _ in range(2)] == [3, 0]
    assert not Item.objects.filter(favourite=True).exists()


def test_what_was_changed_again_since_stays(as_alice: Any, alice: Any) -> None:
    first, second = add(alice, 2)
    edit = change(as_alice, [first, second], tags={"add": ["a"]})
    as_alice.patch(f"/api/v1/items/{first.id}", {"tags": ["a", "b"]}, format="json")
    second.delete()
    assert undo(as_alice, edit["id"]).json() == {"changed": 0}
    assert Item.objects.get().tags == ["a", "b"]


def test_only_the_last_change_can_be_undone_and_only_for_half_an_hour(as_alice: Any, alice: Any) -> None:
    items = add(alice, 1)
    first = change(as_alice, items, favourite=True)
    last = change(as_alice, items, archived=True)
    assert undo(as_alice, first["id"]).status_code == 404
    BulkEdit.objects.update(made_at=timezone.now() - timedelta(minutes=31))
    late = undo(as_alice, last["id"])
    assert (late.status_code, late.json()["code"]) == (410, "undo_expired")
    assert Item.objects.get().archived


@pytest.mark.parametrize(
    "body",
    [
        {"ids": []},
        {"favourite": True},
        {"filter": {}, "favourite": True},
        {"filter": {"archived": "any"}, "favourite": True},
        {"filter": {"favorite": "true"}, "favourite": True},
        {"filter": {"tag": "x"}},
        {"filter": {"tag": "x"}, "tags": {"add": []}},
        {"filter": {"tag": "x"}, "tags": {"add": ["y" * 41]}},
        {"ids": ["7"], "favourite": True},
    ],
)
def test_a_change_of_nothing_or_of_everything_is_refused(as_alice: Any, alice: Any, body: Any) -> None:
    add(alice, 1, tags=["x"])
    answer = as_alice.post("/api/v1/items/bulk", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert not Item.objects.filter(favourite=True).exists()


def test_too_many_items_are_refused(as_alice: Any, alice: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("gallery.shelf.bulk.MOST", 2)
    add(alice, 3, style="noir")
    body = {"filter": {"style": "noir"}, "favourite": True}
    answer = as_alice.post("/api/v1/items/bulk", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_items")


def test_a_thirty_first_tag_changes_no_item(as_alice: Any, alice: Any) -> None:
    items = add(alice, 1, tags=[str(i) for i in range(30)]) + add(alice, 1)
    answer = change(as_alice, items, tags={"add": ["more"]}, favourite=True)
    assert answer["errors"]["tags"]
    assert not Item.objects.filter(favourite=True).exists()


def test_a_stranger_changes_and_undoes_nothing(as_alice: Any, as_bob: Any, alice: Any) -> None:
    items, album = add(alice, 1), Album.objects.create(user=alice, name="a")
    assert change(as_bob, items, favourite=True)["changed"] == 0
    assert change(as_bob, items, albums={"add": [str(album.id)]})["code"] == "not_found"
    edit = change(as_alice, items, archived=True)
    assert undo(as_bob, edit["id"]).status_code == 404
    assert Item.objects.get().archived


def test_the_number_of_queries_does_not_grow_with_the_items(
    as_alice: Any, alice: Any, django_assert_max_num_queries: Any
) -> None:
    items = add(alice, 300)
    with django_assert_max_num_queries(20):
        edit = change(as_alice, items, favourite=True, tags={"add": ["a"]})
    with django_assert_max_num_queries(20):
        assert undo(as_alice, edit["id"]).json() == {"changed": 300}


def test_the_page_archives_and_undoes_where_it_was(client: Any, alice: Any) -> None:
    (item,) = add(alice, 1, style="noir")
    client.force_login(alice)
    many = {"id": str(item.id), "act": "archive", "query": "style=noir&part=1"}
    page = client.post("/gallery/many/", many, follow=True)
    assert page.redirect_chain == [("/gallery/?style=noir", 302)]
    assert str(item.id) not in page.text
    assert "Last change: 1 picture" in page.text
    back = client.post(f"/gallery/undo/{BulkEdit.objects.get().id}/", {"query": "style=noir"}, follow=True)
    assert str(item.id) in back.text
    assert "Last change" not in back.text


def test_the_page_tags_and_chooses_an_album_by_its_name_or_makes_it(client: Any, alice: Any) -> None:
    (item,) = add(alice, 1, tags=["b"])
    client.force_login(alice)
    for name in ("Summer", "summer"):
        fields = {"add_tags": "x，y", "remove_tags": "b", "album": name}
        client.post("/gallery/many/", {"id": str(item.id), "act": "change", **fields})
    item.refresh_from_db()
    assert (item.tags, [album.name for album in item.albums.all()]) == (["x", "y"], ["Summer"])
    assert Album.objects.count() == 1


def test_the_page_filters_by_kind_and_tag(client: Any, alice: Any) -> None:
    add(alice, 1, prompt="zebras run", kind="video")
    add(alice, 1, prompt="an otter", tags=["sea"])
    client.force_login(alice)
    pages = [client.get(f"/gallery/?{query}").text for query in ("kind=video", "tag=sea")]
    assert [("zebras run" in page, "an otter" in page) for page in pages] == [(True, False), (False, True)]
    assert '<option value="sea">' in pages[0]


def test_old_changes_are_forgotten(alice: Any) -> None:
    from gallery.shelf import bulk

    BulkEdit.objects.create(user=alice, count=1, made_at=timezone.now() - timedelta(hours=1))
    assert bulk.tidy() == 1
    assert not BulkEdit.objects.exists()


def test_the_gallery_filters_by_a_person_of_ones_own(as_alice: Any, alice: Any, bob: Any) -> None:
    from gallery.faces.models import Face, Person

    ours, theirs = (Person.objects.create(user=user, name="Ana") for user in (alice, bob))
    (seen,), (foreign,) = add(alice, 1, prompt="Ana"), add(bob, 1)
    add(alice, 1)
    for item, person in ((seen, ours), (seen, ours), (foreign, theirs)):
        facts = {"box": [0.0] * 4, "points": [0.0] * 10, "score": 1.0, "quality": 1.0, "kind": "image"}
        facts |= {"number": Face.objects.count(), "made_at": item.created_at, "person": person}
        Face.objects.create(user=item.user, item=item, **facts)
    assert listed(as_alice, f"person={ours.id}") == ["Ana"]
    assert listed(as_alice, f"person={theirs.id}") == []
