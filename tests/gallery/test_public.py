"""The public gallery: submit, approve, read, like, comment, withdraw."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as product
from django.core import mail
from django.core.files.storage import storages
from django.test import Client
from django.utils import timezone
from PIL import Image

from accounts.notices import digests
from config.errors import NotFound
from gallery.models import Item, PictureHash
from gallery.sharing import publishing
from gallery.sharing.models import Author, Comment, Like, Publication
from moderation.models import AuditEntry
from tests.conftest import client_of, unconfirmed
from tests.gallery.pictures import hang
from tests.rights import logged_in, staff_with

pytestmark = pytest.mark.django_db
NAME = {"author": "Ana"}
REASON = "Checked against the rules."


@pytest.fixture
def picture(alice: Any) -> Item:
    return hang(alice, prompt="a secret prompt")


@pytest.fixture
def published(as_alice: Any, picture: Item, admin_user: Any) -> Publication:
    assert post(as_alice, picture, "publish", **NAME).status_code == 201
    return publishing.approve(Publication.objects.get(id=picture.id), actor=admin_user)


def post(client: Any, item: Any, verb: str, **body: Any) -> Any:
    return client.post(f"/api/v1/items/{item.id}/{verb}", body, format="json")


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def seen() -> list[str]:
    return [row["id"] for row in Client().get("/api/v1/public/items").json()["results"]]


def copies_of(item: Any) -> list[str]:
    return [name for name in storages["public"].listdir("")[1] if name.startswith(item.id.hex)]


def test_a_picture_is_public_only_after_staff_approved_it(
    as_alice: Any, picture: Item, admin_user: Any
) -> None:
    made = post(as_alice, picture, "publish", **NAME, caption="In the park").json()
    assert (made["status"], made["author"]["name"]) == ("submitted", "Ana")
    assert seen() == []
    assert Client().get(f"/explore/{picture.id}/").status_code == 404
    publishing.approve(Publication.objects.get(), actor=admin_user)
    assert seen() == [str(picture.id)]
    page = Client().get(f"/explore/{picture.id}/").content.decode()
    assert "In the park" in page
    assert not any(private in page for private in ("alice@", "secret prompt"))
    again = post(as_alice, picture, "publish").json()
    assert again["status"] == "published"


def test_the_author_is_told_of_the_approval(published: Publication, as_alice: Any, alice: Any) -> None:
    (notice,) = as_alice.get("/api/v1/notifications").json()["results"]
    assert notice["title"] == "Your picture is in the public gallery."
    digests.send_due()
    assert mail.outbox == []  # two minutes are gathered
    alice.notices.update(mail_at=timezone.now())
    digests.send_due()
    assert [(message.to, message.subject) for message in mail.outbox] == [([alice.email], notice["title"])]


def test_the_author_is_told_why_it_was_refused(as_alice: Any, picture: Item, admin_user: Any) -> None:
    post(as_alice, picture, "publish", **NAME)
    publishing.refuse(Publication.objects.get(), actor=admin_user, reason="There is a brand in it.")
    (notice,) = as_alice.get("/api/v1/notifications").json()["results"]
    assert notice["text"].endswith("The reason: There is a brand in it.")
    assert Client().get(f"/explore/{picture.id}/").status_code == 404


def test_the_public_copy_is_encoded_anew_marked_and_signed(published: Publication, picture: Item) -> None:
    from accounts.vault.vault import store
    from ml import provenance

    answer = Client().get(f"/explore/{picture.id}/picture")
    assert (answer["Content-Type"], answer["Cache-Control"].split(",")[0]) == ("image/jpeg", "public")
    assert answer.content != store(picture.user_id).read(picture.content)
    assert Image.open(io.BytesIO(answer.content)).size == (picture.width, picture.height)
    known = provenance.known_certificates(product.KEYS / "provenance")
    found = provenance.verify(answer.content, certificates=known)
    assert (found.verdict, found.ident) == ("ours", picture.mark)
    assert Client().get(f"/explore/{picture.id}/thumbnail")["Content-Type"] == "image/webp"
    unchanged = Client().get(f"/explore/{picture.id}/picture", headers={"If-None-Match": answer["ETag"]})
    assert (unchanged.status_code, unchanged["Cache-Control"]) == (304, answer["Cache-Control"])


def test_what_is_withdrawn_is_gone_at_once_and_from_caches_within_a_minute(
    as_alice: Any, as_bob: Any, published: Publication, picture: Item
) -> None:
    post(as_bob, picture, "comments", text="Lovely", author="Bo")
    kept = Client().get(f"/explore/{picture.id}/picture")["Cache-Control"]
    (age,) = re.findall(r"max-age=(\d+)", kept)
    assert int(age) < 60
    assert "must-revalidate" in kept
    assert post(as_alice, picture, "withdraw").status_code == 204
    parts = ("", "picture", "thumbnail")
    assert [Client().get(f"/explore/{picture.id}/{part}").status_code for part in parts] == [404] * 3
    assert (seen(), copies_of(picture), Comment.objects.count()) == ([], [], 0)
    assert code(post(as_alice, picture, "withdraw")) == (404, "not_found")


def test_a_mark_that_is_there_is_not_written_over_itself() -> None:
    import numpy as np

    from gallery.edits import signer
    from ml import media, watermark
    from ml.finish import sign_copy
    from tests.gallery.pictures import pixels

    marked = watermark.embed(pixels(), 77)
    facts = {"engine": "nano", "signer": signer(product.KEYS), "created": timezone.now()}
    copy = media.to_array(sign_copy(marked, mark=77, **facts))
    assert watermark.read(copy) == 77
    assert np.array_equal(copy, media.to_array(media.encode_jpeg(marked, 90)))


@pytest.mark.parametrize("way", ["delete", "lock", "hide"])
def test_deleting_locking_and_hiding_a_picture_take_it_out_too(
    as_alice: Any, published: Publication, picture: Item, way: str, django_capture_on_commit_callbacks: Any
) -> None:
    from config.registry import subjects

    if way == "delete":
        as_alice.delete(f"/api/v1/items/{picture.id}")
    elif way == "lock":
        as_alice.post("/api/v1/items/lock", {"ids": [str(picture.id)]}, format="json")
    else:
        with django_capture_on_commit_callbacks(execute=True):
            subjects["publication"].hide(str(picture.id))
    assert (seen(), copies_of(picture)) == ([], [])
    assert Client().get(f"/explore/{picture.id}/picture").status_code == 404


def test_moderation_finds_restores_and_removes_a_publication(published: Publication, picture: Item) -> None:
    from config.registry import subjects

    subject, ident = subjects["publication"], str(picture.id)
    assert subject.ident_in(f"https://x.example/explore/{ident}/picture") == ident
    assert subject.owner(ident) == picture.user_id
    bits = 0x5A << 100
    PictureHash.of(bits, item=picture).save()
    assert (subject.find_near(bits ^ 0b111), subject.find_near(bits ^ (2**40 - 1))) == ([ident], [])
    subject.hide(ident)
    subject.restore(ident)
    assert seen() == [ident]
    assert copies_of(picture)
    assert subject.preview(ident)[:4] == b"RIFF"
    subject.remove(ident)
    assert seen() == []


def test_moderation_does_nothing_to_what_nobody_has_seen(as_alice: Any, picture: Item) -> None:
    from config.registry import subjects

    post(as_alice, picture, "publish", **NAME)
    subject, ident = subjects["publication"], str(picture.id)
    for act in (subject.preview, subject.owner, subject.hide):
        with pytest.raises(NotFound):
            act(ident)
    subject.restore(ident)
    assert seen() == []


def test_what_may_not_be_published_is_refused_with_its_reason(as_alice: Any, alice: Any, twin: Any) -> None:
    from twins.models import Twin

    other = Twin.objects.create(user=alice, name="Somebody", of_other=True)
    cases = [
        ({"safety": 0.9}, (422, "not_shareable")),
        ({"kind": "video"}, (422, "only_pictures")),
        ({"width": 100}, (422, "too_small_to_publish")),
        ({"width": 4000, "height": 400}, (422, "too_small_to_publish")),
        ({"twin": other}, (403, "somebody_else")),
    ]
    assert [code(post(as_alice, hang(alice, **facts), "publish", **NAME)) for facts, _ in cases] == [
        expected for _facts, expected in cases
    ]
    assert not Publication.objects.exists()


def test_nobody_publishes_what_is_not_theirs_or_without_a_confirmed_address(
    as_bob: Any, bob: Any, published: Publication, picture: Item
) -> None:
    for verb in ("publish", "withdraw"):
        assert code(post(as_bob, picture, verb, **NAME)) == (404, "not_found")
    away = client_of(unconfirmed(bob))
    own = hang(bob)
    for item, verb in ((own, "publish"), (picture, "like"), (picture, "comments")):
        assert code(post(away, item, verb, text="x", author="Bo")) == (403, "email_unconfirmed")


@pytest.mark.parametrize("name", ["", "alice@example.com", "PhotoFlux Team", "x" * 41, "\u200b", "ANA"])
def test_a_public_name_is_chosen_and_is_no_address_and_nobody_elses(
    as_alice: Any, picture: Item, bob: Any, name: str
) -> None:
    Author.objects.create(user=bob, name="Ana")
    answer = post(as_alice, picture, "publish", **({"author": name} if name else {}))
    assert code(answer) == (422, "invalid")
    assert list(answer.json()["errors"]) == ["author"]


@pytest.mark.parametrize("field", ["author", "caption"])
def test_words_for_others_are_screened(as_alice: Any, picture: Item, field: str) -> None:
    answer = post(as_alice, picture, "publish", **NAME | {field: "nude porn"})
    assert code(answer) == (422, "words_refused")
    entry = AuditEntry.objects.get(verb="words_refused")
    assert "porn" not in entry.detail


def test_a_like_counts_once_for_each_and_can_be_taken_back(
    as_alice: Any, as_bob: Any, published: Publication, picture: Item
) -> None:
    likes = [post(client, picture, "like").json()["likes"] for client in (as_bob, as_bob, as_alice)]
    assert likes == [1, 1, 2]
    assert as_bob.get("/api/v1/public/items").json()["results"][0]["liked"] is True
    taken = [as_bob.delete(f"/api/v1/items/{picture.id}/like").json()["likes"] for _ in range(2)]
    assert taken == [1, 1]
    assert code(Client().post(f"/api/v1/items/{picture.id}/like")) == (401, "not_authenticated")
    assert code(post(as_bob, hang(picture.user), "like")) == (404, "not_found")


def test_a_comment_is_text_whatever_is_in_it(as_bob: Any, published: Publication, picture: Item) -> None:
    text = '<script>alert(1)</script> <a href="https://evil.example">click</a> ❤️'
    made = post(as_bob, picture, "comments", text=text, author="Bo")
    assert (made.status_code, made.json()["text"]) == (201, text)
    page = Client().get(f"/explore/{picture.id}/").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert not any(bad in page for bad in ("<script>alert", 'href="https://evil'))
    listed = Client().get(f"/api/v1/items/{picture.id}/comments").json()["results"]
    assert [(row["text"], row["author"]["name"]) for row in listed] == [(text, "Bo")]


def test_a_refused_comment_stays_in_the_form_of_the_page(
    client: Any, bob: Any, published: Publication
) -> None:
    where = f"/explore/{published.id}/"
    assert "/accounts/login/" in client.post(where, {"text": "Nice"})["Location"]
    client.force_login(bob)
    refused = client.post(where, {"text": "A long thought"}).content.decode()
    assert "A long thought</textarea>" in refused
    assert client.post(where, {"text": "Nice", "author": "Bo"}).status_code == 302
    assert Comment.objects.get().text == "Nice"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("x" * 10_000, "invalid"),
        ("", "invalid"),
        ("  ", "invalid"),
        ("a\0b", "invalid"),
        ("send nudes, porn", "words_refused"),
        ("❤️", ""),
    ],
)
def test_a_bad_comment_is_refused(as_bob: Any, published: Publication, text: str, expected: str) -> None:
    answer = post(as_bob, published, "comments", text=text, author="Bo")
    assert answer.json().get("code", "") == expected
    assert Comment.objects.count() == (not expected)


def test_a_comment_is_deleted_by_its_writer_or_the_pictures_author_alone(
    as_alice: Any, as_bob: Any, published: Publication, django_user_model: Any
) -> None:
    from tests.conftest import person

    as_carol = client_of(person("carol@example.com"))
    for who, expected in ((as_carol, 404), (as_bob, 204), (as_alice, 204)):
        made = post(as_bob, published, "comments", text="Nice", author="Bo").json()["id"]
        assert who.delete(f"/api/v1/comments/{made}").status_code == expected


def test_moderation_hides_a_comment(as_bob: Any, published: Publication) -> None:
    from config.registry import subjects

    ident = post(as_bob, published, "comments", text="Nice", author="Bo").json()["id"]
    subject, where = subjects["comment"], f"/api/v1/items/{published.id}/comments"
    assert subject.preview(ident) == b"Nice"
    numbers = []
    for act in (subject.hide, subject.restore, subject.remove):
        act(ident)
        numbers.append(len(Client().get(where).json()["results"]))
    assert numbers == [0, 1, 0]


def test_staff_look_for_a_reason_refuse_for_one_and_the_author_submits_again(
    client: Any, as_alice: Any, alice: Any, picture: Item
) -> None:
    post(as_alice, picture, "publish", **NAME)
    rights = [f"gallery.{verb}_publication" for verb in ("view", "look", "approve")]
    staff = logged_in(staff_with(*rights))
    where = f"/admin/gallery/publication/{picture.id}/look/"
    assert "data:image" not in staff.get(where).content.decode()
    assert staff.post(where, {"act": "look", "reason": "x"}).status_code == 302
    assert not AuditEntry.objects.exists()
    assert "data:image/webp" in staff.post(where, {"act": "look", "reason": REASON}).content.decode()
    for _twice in range(2):
        staff.post(where, {"act": "refuse", "reason": REASON})
    verbs = AuditEntry.objects.order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["look_publication", "refuse_publication"]
    client.force_login(alice)
    assert REASON in client.get(f"/gallery/{picture.id}/").content.decode()
    assert post(as_alice, picture, "publish").json()["status"] == "submitted"


def test_staff_without_the_right_see_and_decide_nothing(as_alice: Any, picture: Item) -> None:
    post(as_alice, picture, "publish", **NAME)
    where = f"/admin/gallery/publication/{picture.id}/look/"
    assert logged_in(staff_with("gallery.view_publication")).get(where).status_code == 403
    looker = logged_in(staff_with("gallery.look_publication"))
    assert looker.post(where, {"act": "approve", "reason": REASON}).status_code == 403
    assert seen() == []


def test_left_over_copies_are_swept_and_those_shown_stay(
    published: Publication, alice: Any, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any
) -> None:
    from gallery.sharing import copies

    place = settings.STORAGES["public"] | {"OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "public": place}
    copies.write(published.item)
    other = hang(alice)
    copies.write(other)
    assert copies.sweep() == 0  # too young
    monkeypatch.setattr(copies, "OLD", timedelta(0))
    assert copies.sweep() == 2
    assert (copies_of(other), bool(copies_of(published))) == ([], True)


def test_an_erasure_takes_name_pictures_comments_and_likes_along(
    as_alice: Any, as_bob: Any, bob: Any, published: Publication, django_capture_on_commit_callbacks: Any
) -> None:
    from accounts import erasure

    def erase(user: Any) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            erasure.finish(erasure.ask(user))

    post(as_bob, published, "like")
    post(as_bob, published, "comments", text="Nice", author="Bo")
    erase(bob)
    published.refresh_from_db()
    assert published.likes == Like.objects.count() == Comment.objects.count() == 0
    erase(published.user)
    assert (Author.objects.count(), copies_of(published)) == (0, [])
