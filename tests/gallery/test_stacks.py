"""Stacks: pictures that belong together, with the keeper on top."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from gallery.models import Item
from gallery.shelf import stacks

from .test_items import add

pytestmark = pytest.mark.django_db


def names(items: list[Item]) -> list[str]:
    return [str(item.id) for item in items]


def stack(client: Any, items: list[Item], **more: Any) -> Any:
    return client.post("/api/v1/items/stacks", {"ids": names(items), **more}, format="json")


def folded(client: Any) -> set[str]:
    return {each["id"] for each in client.get("/api/v1/items?folded=true").json()["results"]}


def test_of_a_stack_the_keeper_alone_is_in_the_folded_list(as_alice: Any, alice: Any) -> None:
    first, second, third, other = add(alice, 4)
    made = stack(as_alice, [first, second, third], keeper=str(second.id)).json()
    assert made == {"keeper": str(second.id), "ids": names([second, first, third])}
    assert folded(as_alice) == set(names([second, other]))
    assert len(as_alice.get("/api/v1/items").json()["results"]) == 4
    again = stack(as_alice, [first, second, third], keeper=str(second.id)).json()
    assert again == made


def test_another_is_chosen_to_be_on_top(as_alice: Any, alice: Any) -> None:
    items = add(alice, 3)
    stack(as_alice, items)
    for _ in range(2):
        chosen = as_alice.post(f"/api/v1/items/{items[2].id}/stack").json()
        assert chosen["keeper"] == str(items[2].id)
    assert folded(as_alice) == {str(items[2].id)}
    assert as_alice.get(f"/api/v1/items/{items[0].id}/stack").json() == chosen


def test_stacks_are_put_together_and_taken_apart(as_alice: Any, alice: Any) -> None:
    items = add(alice, 4)
    stack(as_alice, items[:2])
    stack(as_alice, items[2:])
    whole = stack(as_alice, [items[1], items[3]]).json()
    assert (whole["keeper"], len(whole["ids"])) == (str(items[1].id), 4)
    for _ in range(2):
        assert as_alice.delete(f"/api/v1/items/{items[0].id}/stack").status_code == 204
        assert folded(as_alice) == set(names(items))


def test_who_leaves_the_top_leaves_it_to_the_newest(as_alice: Any, alice: Any) -> None:
    items = sorted(add(alice, 6)[::2], key=lambda item: item.created_at)
    stack(as_alice, items)
    for _ in range(2):
        left = as_alice.post(f"/api/v1/items/{items[0].id}/unstack").json()
        assert left == {"keeper": str(items[0].id), "ids": [str(items[0].id)]}
    assert as_alice.get(f"/api/v1/items/{items[1].id}/stack").json()["keeper"] == str(items[2].id)


def test_a_stack_of_one_or_of_a_strangers_pictures_is_refused(as_alice: Any, alice: Any, bob: Any) -> None:
    (mine, other), theirs = add(alice, 2), add(bob, 2)
    for items in ([], [mine], [mine, *theirs], theirs):
        refused = stack(as_alice, items)
        assert (refused.status_code, refused.json()["code"]) == (422, "stack_too_small")
    assert stack(as_alice, [mine, other], keeper=str(theirs[0].id)).json()["code"] == "not_found"
    assert not Item.objects.exclude(keeper=None).exists()


def test_a_stack_goes_into_the_archive_and_back_as_a_whole(as_alice: Any, alice: Any) -> None:
    items = add(alice, 3)
    stack(as_alice, items)
    body = {"ids": [str(items[0].id)], "archived": True}
    edit = as_alice.post("/api/v1/items/bulk", body, format="json").json()
    assert edit["changed"] == 3
    as_alice.post(f"/api/v1/items/bulk/{edit['id']}/undo")
    assert not Item.objects.filter(archived=True).exists()
    as_alice.patch(f"/api/v1/items/{items[0].id}", {"archived": True}, format="json")
    assert Item.objects.filter(archived=True).count() == 3


def test_the_others_return_when_the_keeper_is_deleted(as_alice: Any, alice: Any) -> None:
    items = add(alice, 3)
    stack(as_alice, items)
    as_alice.delete(f"/api/v1/items/{items[0].id}")
    assert folded(as_alice) == set(names(items[1:]))


def test_an_edit_takes_the_place_of_its_original(alice: Any) -> None:
    top, below, edit, other = add(alice, 4)
    stacks.stack(alice, [top.id, below.id])
    for new, original, on_top in ((other, below, top), (edit, top, edit)):
        original.refresh_from_db()
        stacks.join(new, original)
        assert stacks.members_of(Item.objects.get(id=new.id))[0].id == on_top.id
    assert Item.objects.filter(keeper=edit).count() == 3


def test_the_gallery_folds_stacks_and_a_search_does_not(client: Any, alice: Any) -> None:
    items = add(alice, 3, prompt="in a park", job=None)
    client.force_login(alice)
    client.post("/gallery/many/", {"id": names(items), "act": "stack"})
    plain, found = client.get("/gallery/").text, client.get("/gallery/?q=park").text
    assert [page.count('class="mark"') for page in (plain, found)] == [1, 3]
    assert "2 more in this stack" in plain


def test_the_page_of_a_picture_stacks_a_request_and_changes_the_stack(client: Any, alice: Any) -> None:
    job = uuid.uuid4()
    items = [add(alice, 1, job=job, index=i)[0] for i in range(3)]
    client.force_login(alice)
    where = f"/gallery/{items[1].id}/"
    assert "Stack with the others" in client.get(where).text
    for act, left in (("job", 2), ("job", 2), ("out", 1), ("apart", 1), ("nothing", 1)):
        client.post(f"{where}stack/", {"act": act})
        assert Item.objects.exclude(keeper=None).count() == left, act
    client.post(f"/gallery/{items[0].id}/stack/", {"act": "keep"})
    assert "A stack of 2 pictures" in client.get(f"/gallery/{items[0].id}/").text


def test_the_gallery_takes_as_many_queries_with_stacks_as_without(client: Any, alice: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.force_login(alice)
    counts = []
    for _ in range(2):
        for _each in range(5):
            stacks.stack(alice, [item.id for item in add(alice, 4)])
        with CaptureQueriesContext(connection) as asked:
            client.get("/gallery/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_edits_are_stacked_with_their_original_by_themselves(as_alice: Any, alice: Any) -> None:
    from tests.gallery.pictures import hang

    item = hang(alice)
    shown = [
        as_alice.post(f"/api/v1/items/{item.id}/edits", {"brightness": n}, format="json").json()
        for n in (20, 40)
    ]
    item.refresh_from_db()
    assert str(item.keeper_id) == shown[0]["id"]
    assert (shown[0]["keeper"], shown[1]["keeper"]) == (None, shown[0]["id"])
    assert folded(as_alice) == {shown[0]["id"]}
