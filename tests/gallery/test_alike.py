"""Pictures that look alike are shown, and a person decides."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import cv2
import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.vault.vault import store
from gallery import tasks
from gallery.models import Album, AlbumItem, Item
from gallery.services import look_of, save_item
from ml import edit, media
from tests.gallery.pictures import hang
from tests.gallery.test_items import add

pytestmark = pytest.mark.django_db
HERE = "/api/v1/items/duplicates"


def pixels() -> np.ndarray:
    """A picture with enough in it: a plain one's hash is noise."""
    few = np.random.default_rng(5).integers(30, 225, (12, 16, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(few, (320, 240), interpolation=cv2.INTER_CUBIC), np.uint8)


def changed(user: Any, picture: np.ndarray, **fields: Any) -> Item:
    item = hang(user, **fields)
    Item.objects.filter(id=item.id).update(**save_item(user.id, item.id, media.encode_png(picture)))
    item.refresh_from_db()
    return item


@pytest.fixture
def three(alice: Any) -> list[Item]:
    """The same picture as it was made, lighter, and twice as large."""
    lighter = edit.apply(pixels(), edit.Edit(brightness=6))
    larger = cv2.resize(pixels(), None, fx=2, fy=2, interpolation=cv2.INTER_LANCZOS4)
    return [changed(alice, pixels()), changed(alice, lighter, tags=["light"]), changed(alice, larger)]


def shown(client: Any) -> list[list[str]]:
    return client.get(HERE).json()["alike"]  # type: ignore[no-any-return]


def ids(items: list[Item]) -> list[str]:
    return [str(item.id) for item in items]


def send(client: Any, where: str, **body: Any) -> Any:
    return client.post(f"{HERE}/{where}", body, format="json")


def test_pictures_that_look_alike_are_a_group_the_oldest_first(as_alice: Any, three: list[Item]) -> None:
    assert shown(as_alice) == [ids(three)]
    assert as_alice.get(HERE).json()["results"] == []


def test_other_pictures_and_those_of_others_are_none(as_alice: Any, alice: Any, bob: Any) -> None:
    changed(alice, pixels())
    changed(alice, np.ascontiguousarray(np.rot90(pixels())))
    changed(bob, edit.apply(pixels(), edit.Edit(brightness=6)))
    assert shown(as_alice) == []


def test_equal_ones_alone_are_duplicates_and_not_shown_twice(as_alice: Any, alice: Any) -> None:
    pair = [hang(alice), hang(alice)]
    assert shown(as_alice) == []
    assert as_alice.get(HERE).json()["results"] == [ids(pair)]


@pytest.mark.parametrize("fields", [{"archived": True}, {"locked": True}, {"hash": None}])
def test_what_is_out_of_the_gallery_is_left_out(
    as_alice: Any, three: list[Item], fields: dict[str, Any]
) -> None:
    Item.objects.filter(id=three[0].id).update(**fields)
    assert shown(as_alice) == [ids(three[1:])]


def test_what_is_below_another_one_in_a_stack_is_left_out(as_alice: Any, three: list[Item]) -> None:
    send_stack = {"ids": ids(three[:2]), "keeper": str(three[0].id)}
    as_alice.post("/api/v1/items/stacks", send_stack, format="json")
    assert shown(as_alice) == [ids([three[0], three[2]])]


def test_the_marked_ones_are_merged_and_an_undo_gives_them_back(as_alice: Any, three: list[Item]) -> None:
    keep, lighter, larger = three
    album = Album.objects.create(user=keep.user, name="a")
    AlbumItem.objects.create(album=album, item=lighter)
    merged = send(as_alice, "merge", keep=str(keep.id), ids=[str(lighter.id)]).json()
    keep.refresh_from_db()
    assert (keep.tags, album.items.count()) == (["light"], 2)
    assert Item.objects.get(archived=True) == lighter
    assert shown(as_alice) == [ids([keep, larger])]
    as_alice.post(f"/api/v1/items/bulk/{merged['id']}/undo")
    assert shown(as_alice) == [ids(three)]


def test_nothing_marked_is_told_and_twice_changes_nothing_more(as_alice: Any, three: list[Item]) -> None:
    for nothing in ([], [str(three[0].id)]):
        answer = send(as_alice, "merge", keep=str(three[0].id), ids=nothing)
        assert answer.json()["errors"] == {"ids": ["Mark the pictures that go into the archive."]}
    both = [send(as_alice, "merge", keep=str(three[0].id), ids=[str(three[1].id)]).json() for _ in range(2)]
    assert [edit["changed"] for edit in both] == [2, 0]


def test_pictures_of_others_are_not_found_and_nothing_is_merged(
    as_alice: Any, bob: Any, three: list[Item]
) -> None:
    for other in (hang(bob).id, uuid4()):
        answer = send(as_alice, "merge", keep=str(three[0].id), ids=[str(three[1].id), str(other)])
        assert answer.json()["code"] == "not_found"
    assert not Item.objects.filter(archived=True).exists()


def test_a_group_of_different_ones_comes_back_only_with_another_picture(
    as_alice: Any, alice: Any, bob: Any, three: list[Item]
) -> None:
    other = hang(bob)
    for n in (3, 3):
        assert send(as_alice, "apart", ids=[*ids(three), str(other.id)]).json() == {"changed": n}
        assert shown(as_alice) == []
    other.refresh_from_db()
    assert other.apart is False
    another = changed(alice, edit.apply(pixels(), edit.Edit(brightness=-5)))
    assert shown(as_alice) == [ids([*three, another])]


def test_older_pictures_are_looked_at_later(as_alice: Any, alice: Any, three: list[Item]) -> None:
    (gone,) = add(alice, 1)  # without files
    Item.objects.update(hash=None)
    assert (shown(as_alice), tasks.look(), tasks.look()) == ([], 4, 0)
    assert shown(as_alice) == [ids(three)]
    gone.refresh_from_db()
    assert gone.hash is not None
    assert three[0].hash == look_of(store(alice.id).read(three[0].thumbnail))


def test_the_number_of_queries_does_not_grow(as_alice: Any, alice: Any, three: list[Item]) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            shown(as_alice)
        return len(seen)

    few = queries()
    for look in np.random.default_rng(6).integers(-(2**62), 2**62, 10).tolist():
        add(alice, 2, hash=look)
    for i, item in enumerate(Item.objects.filter(etag="x")):
        Item.objects.filter(id=item.id).update(etag=str(i))
    assert len(shown(as_alice)) == 11
    assert queries() == few > 2


def test_the_page_shows_both_and_takes_both_decisions(client: Any, alice: Any, three: list[Item]) -> None:
    client.force_login(alice)
    page = client.get("/gallery/duplicates/").text
    assert page.count('name="into"') == 3
    keep, lighter, larger = map(str, (item.id for item in three))
    post = {"alike": "1", "keep": keep, "into": [lighter], "shown": [keep, lighter, larger]}
    client.post("/gallery/duplicates/merge/", post)
    assert Item.objects.get(archived=True) == three[1]
    told = client.post("/gallery/duplicates/merge/", {"alike": "1", "keep": keep}, follow=True).text
    assert "Mark the pictures that go into the archive." in told
    after = client.post(
        "/gallery/duplicates/merge/", {"apart": "1", "shown": [keep, larger]}, follow=True
    ).text
    assert "No picture is there twice" in after
