"""Share links: what they show, to whom, and that nothing is left once they end."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from PIL import Image

from gallery.models import Album, AlbumItem, Item
from gallery.sharing.models import ShareLink
from tests.conftest import client_of, unconfirmed
from tests.gallery.pictures import hang

pytestmark = pytest.mark.django_db
WORD = "open sesame"


@pytest.fixture
def picture(alice: Any) -> Item:
    return hang(alice, prompt="a secret prompt")


@pytest.fixture
def visitor() -> Client:
    return Client()


def share(client: Any, where: str = "shares", **body: Any) -> Any:
    return client.post(f"/api/v1/{where}", body, format="json")


def path_of(made: Any) -> str:
    return "/s/" + made.json()["url"].rpartition("/s/")[2]


def files_on(page: Any) -> list[str]:
    return re.findall(r'src="(/s/[^"]+)"', page.content.decode())


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_stranger_sees_the_picture_and_neither_name_nor_prompt(
    as_alice: Any, alice: Any, picture: Item, visitor: Client
) -> None:
    alice.display_name = "Alice Example"
    alice.save()
    made = share(as_alice, f"items/{picture.id}/share")
    assert made.status_code == 201
    page = visitor.get(path_of(made))
    text = page.content.decode()
    assert not re.search("Alice|alice@|secret prompt", text)
    assert 'property="og:image"' in text
    assert "noindex" in page["X-Robots-Tag"]
    (file,) = files_on(page)
    answer = visitor.get(file)
    assert (answer.status_code, "no-store" in answer["Cache-Control"]) == (200, True)
    assert visitor.get(f"{path_of(made)}card.jpg")["Content-Type"] == "image/jpeg"
    assert as_alice.get("/api/v1/shares").json()["results"][0]["views"] == 1


def test_the_full_file_comes_only_where_downloads_are_allowed(
    as_alice: Any, picture: Item, visitor: Client
) -> None:
    for allowed in (False, True):
        made = share(as_alice, ids=[str(picture.id)], download=allowed)
        (file,) = files_on(visitor.get(path_of(made)))
        answer = visitor.get(f"{file}?download=1")
        body = b"".join(answer)
        assert (len(body) == picture.size) is allowed
        assert ("attachment" in answer.get("Content-Disposition", "")) is allowed
        assert Image.open(io.BytesIO(body)).size == (picture.width, picture.height)


def test_an_album_is_live_and_what_is_locked_or_deleted_drops_out(
    as_alice: Any, alice: Any, visitor: Client, django_capture_on_commit_callbacks: Any
) -> None:
    album = Album.objects.create(user=alice, name="Summer")
    where = path_of(share(as_alice, album=str(album.id)))
    assert files_on(visitor.get(where)) == []
    items = [hang(alice) for _ in range(3)]
    AlbumItem.objects.bulk_create(AlbumItem(album=album, item=item) for item in items)
    Item.objects.filter(id=items[0].id).update(archived=True)
    assert len(files := files_on(visitor.get(where))) == 3
    Item.objects.filter(id=items[1].id).update(locked=True)
    with django_capture_on_commit_callbacks(execute=True):
        Item.objects.filter(id=items[2].id).remove()
    assert len(files_on(visitor.get(where))) == 1
    assert sorted(visitor.get(file).status_code for file in files) == [200, 404, 404]
    as_alice.delete(f"/api/v1/albums/{album.id}")
    assert visitor.get(where).status_code == 404
    assert code(share(as_alice, album=str(album.id))) == (404, "not_found")


def test_a_password_is_asked_for_on_the_page_and_for_each_file(
    as_alice: Any, picture: Item, visitor: Client
) -> None:
    made = share(as_alice, ids=[str(picture.id)], password=WORD, download=True)
    where, link = path_of(made), ShareLink.objects.get()
    number = link.chosen.get().id
    assert link.password_hash.startswith("$argon2id$")
    files = [f"{where}{number}/content", f"{where}{number}/thumbnail"]
    page = visitor.get(where)
    assert files_on(page) == []
    assert "og:image" not in page.content.decode()
    assert visitor.get(f"{where}{number}/").status_code == 302
    assert [visitor.get(file).status_code for file in files] == [403, 403]
    assert visitor.get(f"{where}card.jpg").status_code == 404
    assert visitor.post(where, {"password": "open barley"}).status_code == 422
    assert visitor.post(where, {"password": WORD}).status_code == 302
    assert files_on(visitor.get(where)) == files[:1]
    assert [visitor.get(file).status_code for file in files] == [200, 200]
    assert visitor.get(f"{where}card.jpg").status_code == 404  # those who build previews send no cookie
    assert [Client().get(file).status_code for file in files] == [403, 403]
    assert ShareLink.objects.get().views == 1  # the question for the password is no view


def test_wrong_passwords_are_limited_for_an_address_and_lock_out_nobody_else(
    as_alice: Any, picture: Item
) -> None:
    where = path_of(share(as_alice, ids=[str(picture.id)], password=WORD))
    guesses = [Client().post(where, {"password": f"guess {i}"}).status_code for i in range(6)]
    assert guesses == [422] * 5 + [429]
    assert Client().post(where, {"password": WORD}).status_code == 429
    other = Client(REMOTE_ADDR="192.0.2.9").post(where, {"password": WORD})
    assert other.status_code == 302


def test_an_ended_link_shows_nothing_from_then_on(as_alice: Any, picture: Item, visitor: Client) -> None:
    made = share(as_alice, ids=[str(picture.id)], download=True)
    where = path_of(made)
    (file,) = files_on(visitor.get(where))
    assert as_alice.delete(f"/api/v1/shares/{made.json()['id']}").status_code == 204
    addresses = (where, file, f"{file}?download=1", f"{where}card.jpg")
    assert [visitor.get(each).status_code for each in addresses] == [404] * 4
    assert code(as_alice.delete(f"/api/v1/shares/{made.json()['id']}")) == (404, "not_found")


def test_a_link_that_has_run_out_or_was_altered_is_not_found(
    as_alice: Any, picture: Item, visitor: Client
) -> None:
    made = share(as_alice, ids=[str(picture.id)], expires="1d")
    where = path_of(made)
    ends = ShareLink.objects.get().expires_at
    assert ends is not None
    assert timedelta(hours=23) < ends - timezone.now() <= timedelta(days=1)
    altered = f"{where[:-2]}{'A' if where[-2] != 'A' else 'B'}/"
    assert visitor.get(altered).status_code == 404
    ShareLink.objects.update(expires_at=timezone.now())
    assert visitor.get(where).status_code == 404
    assert visitor.get("/s/x/").status_code == 404


def test_a_file_of_another_link_or_of_no_link_is_not_found(
    as_alice: Any, alice: Any, picture: Item, visitor: Client
) -> None:
    where = path_of(share(as_alice, ids=[str(picture.id)]))
    share(as_alice, ids=[str(hang(alice).id)])
    strange = ShareLink.objects.order_by("-created_at")[0].chosen.get().id
    for number in (strange, 0, 10**30):
        assert visitor.get(f"{where}{number}/content").status_code == 404
        assert visitor.get(f"{where}{number}/").status_code == 404


def test_nobody_shares_what_is_not_theirs_or_without_a_confirmed_address(
    as_alice: Any, as_bob: Any, bob: Any, alice: Any, picture: Item
) -> None:
    assert code(share(as_bob, f"items/{picture.id}/share")) == (404, "not_found")
    assert code(share(as_bob, ids=[str(picture.id), str(hang(bob).id)])) == (404, "not_found")
    Item.objects.filter(id=picture.id).update(locked=True)
    assert code(share(as_alice, ids=[str(picture.id)])) == (404, "not_found")
    assert code(share(client_of(unconfirmed(bob)), ids=[str(hang(bob).id)])) == (403, "email_unconfirmed")
    assert not ShareLink.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": []},
        {"ids": ["x"]},
        {"ids": [str(uuid4())], "album": str(uuid4())},
        {"ids": [str(uuid4())], "expires": "2d"},
        {"ids": [str(uuid4())], "password": "short"},
        {"ids": [str(uuid4())], "password": ""},
    ],
)
def test_a_bad_request_says_what_is_wrong(as_alice: Any, body: dict[str, Any]) -> None:
    answer = share(as_alice, **body)
    assert code(answer) == (422, "invalid")
    assert answer.json()["errors"]


def test_too_many_and_unsafe_pictures_are_refused(as_alice: Any, alice: Any) -> None:
    assert code(share(as_alice, ids=[str(uuid4()) for _ in range(501)])) == (422, "share_too_large")
    nude = hang(alice, safety=0.9)
    assert code(share(as_alice, f"items/{nude.id}/share")) == (422, "not_shareable")


def test_an_unsafe_picture_of_an_album_is_not_shown(as_alice: Any, alice: Any, visitor: Client) -> None:
    album = Album.objects.create(user=alice, name="a")
    AlbumItem.objects.create(album=album, item=hang(alice, safety=0.9))
    assert files_on(visitor.get(path_of(share(as_alice, album=str(album.id))))) == []


def test_moderation_hides_restores_and_removes_a_link(as_alice: Any, picture: Item, visitor: Client) -> None:
    from config.registry import subjects

    made = share(as_alice, ids=[str(picture.id)])
    where, ident, subject = path_of(made), made.json()["id"], subjects["share"]
    assert subject.preview(ident)[:4] == b"RIFF"
    found = []
    for act in (subject.hide, subject.restore, subject.remove):
        act(ident)
        found.append(visitor.get(where).status_code)
    assert found == [404, 200, 404]


def test_moderation_finds_a_link_by_its_address(as_alice: Any, alice: Any, picture: Item) -> None:
    from config.registry import subjects

    made, subject = share(as_alice, ids=[str(picture.id)]).json(), subjects["share"]
    assert subject.ident_in(f"{made['url']}1/content") == made["id"]
    assert subject.ident_in("/s/none/") is None
    assert subject.owner(made["id"]) == alice.id


def test_a_closed_account_shows_nothing(as_alice: Any, alice: Any, picture: Item, visitor: Client) -> None:
    where = path_of(share(as_alice, ids=[str(picture.id)]))
    alice.is_active = False
    alice.save()
    assert visitor.get(where).status_code == 404


def test_the_pages_make_list_and_end_a_link(client: Any, alice: Any, picture: Item) -> None:
    client.force_login(alice)
    form = client.post("/gallery/shares/new/", {"id": [str(picture.id)]})
    assert 'name="expires"' in form.content.decode()
    sent = {"id": [str(picture.id)], "expires": "never", "download": "on", "make": "1"}
    again = client.post("/gallery/shares/new/", sent | {"password": "short"}).content.decode()
    assert "at least 6 characters" in again
    assert 'value="never" selected' in again
    assert not ShareLink.objects.exists()
    assert client.post("/gallery/shares/new/", sent).status_code == 302
    link = ShareLink.objects.get()
    assert (link.expires_at, link.download) == (None, True)
    listed = client.get("/gallery/shares/").content.decode()
    (address,) = re.findall(r'value="http[^"]+(/s/[^"]+)"', listed)
    assert "wa.me" in listed
    assert Client().get(address).status_code == 200
    client.post(f"/gallery/shares/{link.id}/end/")
    assert Client().get(address).status_code == 404


def test_a_list_of_links_costs_the_same_however_many(
    as_alice: Any, alice: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(4):
        item, album = hang(alice), Album.objects.create(user=alice, name=str(uuid4()))
        share(as_alice, ids=[str(item.id)])
        share(as_alice, album=str(album.id))
    with django_assert_max_num_queries(4):
        assert len(as_alice.get("/api/v1/shares").json()["results"]) == 8
