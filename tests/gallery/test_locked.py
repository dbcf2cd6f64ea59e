"""The locked area: what is in it is seen nowhere else, and there only after the password."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from gallery.models import Album, AlbumItem, Item
from tests.conftest import client_of

from .test_items import add, picture  # noqa: F401

pytestmark = pytest.mark.django_db
PASSWORD, PROOF = {"password": "a long password"}, {"proof": "a long password"}


def post(client: Any, where: str, body: Any) -> Any:
    return client.post(f"/api/v1/{where}", body, format="json")


def lock(client: Any, *items: Item) -> int:
    return post(client, "items/lock", {"ids": [str(item.id) for item in items]}).json()["changed"]


def in_session(user: Any) -> Any:
    """A client with a session, as the area is opened for one session."""
    client = client_of(user)
    client.force_authenticate(None)
    client.force_login(user)
    return client


@pytest.fixture
def as_alice(alice: Any) -> Any:
    return in_session(alice)


@pytest.fixture
def as_bob(bob: Any) -> Any:
    return in_session(bob)


@pytest.fixture
def hidden(as_alice: Any, picture: Item) -> Item:  # noqa: F811
    Item.objects.filter(id=picture.id).update(tags=["sea"])
    lock(as_alice, picture)
    return picture


def test_what_is_locked_is_in_no_list_search_file_album_or_archive(
    as_alice: Any, alice: Any, hidden: Item
) -> None:
    from accounts.archive import members
    from accounts.models import Export

    AlbumItem.objects.create(album=(album := Album.objects.create(user=alice, name="a")), item=hidden)
    for query in ("", "q=park", "tag=sea", "archived=any", f"album={album.id}"):
        assert as_alice.get(f"/api/v1/items?{query}").json()["results"] == []
    for part in ("", "/content", "/thumbnail", "/stack"):
        assert as_alice.get(f"/api/v1/items/{hidden.id}{part}").status_code == 404
    for chosen in ({}, {"ids": [str(hidden.id)]}):
        export = Export.objects.create(user=alice, scope="items", chosen=chosen)
        assert [m.path for m in members(export) if "pictures" in m.path] == []
    for act in ("items/delete", "items/bulk"):
        post(as_alice, act, {"ids": [str(hidden.id)], "favourite": True})
    assert Item.objects.get().favourite is False


def test_it_is_seen_after_the_password_for_ten_minutes_in_this_session_alone(
    as_alice: Any, alice: Any, hidden: Item, monkeypatch: Any
) -> None:
    other, where = in_session(alice), f"/api/v1/locked/{hidden.id}"
    assert as_alice.get("/api/v1/locked").json()["code"] == "area_locked"
    assert post(as_alice, "locked/open", PASSWORD).status_code == 200
    assert [each["id"] for each in as_alice.get("/api/v1/locked").json()["results"]] == [str(hidden.id)]
    seen = as_alice.get(f"{where}/content")
    assert (len(b"".join(seen)), "no-store" in seen["Cache-Control"]) == (hidden.size, True)
    assert as_alice.get("/api/v1/items").json()["results"] == []
    assert other.get("/api/v1/locked").json()["code"] == "area_locked"
    late = timezone.now() + timedelta(minutes=11)
    monkeypatch.setattr(timezone, "now", lambda: late)
    assert as_alice.get(f"{where}/thumbnail").json()["code"] == "area_locked"


def test_credentials_without_a_session_do_not_open_it(alice: Any, hidden: Item) -> None:
    client = client_of(alice)
    assert post(client, "locked/open", PASSWORD).json()["code"] == "area_locked"
    assert client.get("/api/v1/locked").json()["code"] == "area_locked"


def test_a_token_opens_it_for_its_own_session(alice: Any, client: Any, hidden: Item) -> None:
    logged_in = client.post(
        "/_allauth/app/v1/auth/login", {"email": alice.email, **PASSWORD}, content_type="application/json"
    )
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {logged_in.json()['meta']['access_token']}"}
    client.cookies.clear()
    assert client.get("/api/v1/locked", **bearer).status_code == 403
    opened = client.post("/api/v1/locked/open", PASSWORD, content_type="application/json", **bearer)
    assert opened.status_code == 200
    assert len(client.get("/api/v1/locked", **bearer).json()["results"]) == 1


def test_it_is_locked_again_at_once(as_alice: Any, hidden: Item) -> None:
    post(as_alice, "locked/open", PASSWORD)
    for _ in range(2):
        assert as_alice.delete("/api/v1/locked/open").status_code == 204
        assert as_alice.get("/api/v1/locked").status_code == 403


@pytest.mark.parametrize(
    "proof, code",
    [({}, "reauthentication_required"), ({"password": "wrong"}, "invalid"), ({"code": "1"}, "invalid")],
)
def test_without_the_right_password_it_stays_locked(
    as_alice: Any, hidden: Item, proof: dict[str, str], code: str
) -> None:
    assert post(as_alice, "locked/open", proof).json()["code"] == code
    for where in ("release", "delete"):
        assert post(as_alice, f"locked/{where}", {"ids": [str(hidden.id)]}).json()["code"] == "area_locked"
    assert Item.objects.get().locked


def test_a_stranger_locks_sees_and_releases_nothing(as_bob: Any, alice: Any, hidden: Item) -> None:
    (theirs,) = add(alice, 1)
    assert lock(as_bob, theirs) == 0
    post(as_bob, "locked/open", PASSWORD)
    assert as_bob.get("/api/v1/locked").json()["results"] == []
    assert as_bob.get(f"/api/v1/locked/{hidden.id}/content").status_code == 404
    assert post(as_bob, "locked/release", {"ids": [str(hidden.id)]}).json() == {"changed": 0}
    assert post(as_bob, "locked/delete", {"ids": [str(hidden.id)]}).json() == {"deleted": 0}


def test_it_is_locked_and_released_once(as_alice: Any, hidden: Item) -> None:
    assert lock(as_alice, hidden) == 0
    post(as_alice, "locked/open", PASSWORD)
    ids = {"ids": [str(hidden.id)]}
    assert [post(as_alice, "locked/release", ids).json()["changed"] for _ in range(2)] == [1, 0]
    assert len(as_alice.get("/api/v1/items").json()["results"]) == 1


def test_a_locked_picture_leaves_its_stack(as_alice: Any, alice: Any) -> None:
    from gallery.shelf import stacks

    items = add(alice, 3)
    stacks.stack(alice, [item.id for item in items])
    lock(as_alice, items[0])
    assert len(as_alice.get("/api/v1/items?folded=true").json()["results"]) == 1
    assert Item.objects.get(locked=True).keeper is None


def test_the_restoration_that_made_it_is_not_shown_either(as_alice: Any, alice: Any, hidden: Item) -> None:
    from generation.models import Job
    from generation.restorations.models import Restoration

    job = Job.objects.create(user=alice, kind="restore", seed=1)
    row = Restoration.objects.create(user=alice, job=job, width=9, height=9, item=hidden)
    assert as_alice.get("/api/v1/restorations").json()["results"] == []
    for part in ("", "/original", "/thumbnail"):
        assert as_alice.get(f"/api/v1/restorations/{row.id}{part}").status_code == 404


def test_the_archive_of_the_account_and_its_erasure_have_what_is_locked(alice: Any, hidden: Item) -> None:
    from gallery.exports import gallery

    assert any(str(hidden.id)[:13] in member.path for member in gallery(alice))
    assert hidden.content in list(Item.known_files(alice.id))


def test_the_page_asks_for_the_password_and_shows_what_is_locked(client: Any, picture: Item) -> None:  # noqa: F811
    client.force_login(picture.user)
    client.post("/gallery/many/", {"id": str(picture.id), "act": "lock"})
    shown = f"/api/v1/locked/{picture.id}/thumbnail"
    assert shown not in client.get("/gallery/locked/").text
    assert shown not in client.post("/gallery/locked/open/", {"proof": "wrong"}, follow=True).text
    page = client.post("/gallery/locked/open/", PROOF, follow=True).text
    assert (shown in page, "Open for 10 more minutes" in page) == (True, True)
    assert client.get(shown).status_code == 200
    client.post("/gallery/locked/change/", {"act": "close"})
    assert client.get(shown).status_code == 403
    client.post("/gallery/locked/change/", {"act": "release", "id": str(picture.id)})
    assert Item.objects.get().locked
    client.post("/gallery/locked/open/", PROOF)
    client.post("/gallery/locked/change/", {"act": "release", "id": str(picture.id)})
    assert str(picture.id) in client.get("/gallery/").text
