"""People: faces are named, merged and removed, and each of it can be undone. Pages of faces."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from gallery.faces import tidying
from gallery.faces.models import Face, Naming, Person
from tests.gallery.faces import UNCLEAR, add, agree, drawn_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def faces(alice: Any, measured: Any) -> list[str]:
    """Ids of six faces of alice's pictures: three of one person, then three of another."""
    items = [add(alice, face) for face in (10, 11, 12, 20, 21, 22)]
    measured(alice)
    return [str(Face.objects.get(item=item).id) for item in items]


def named(client: Any, name: str, *faces: str) -> dict[str, Any]:
    answer = client.post("/api/v1/people", {"name": name, "faces": faces}, format="json")
    assert answer.status_code == 201, answer.json()
    naming: dict[str, Any] = answer.json()
    return naming


def who(*faces: str) -> list[str | None]:
    found = Face.objects.select_related("person").in_bulk(faces)
    return [
        face.person.name if (face := {str(k): v for k, v in found.items()}[i]).person else None for i in faces
    ]


def undo(client: Any, ident: str) -> Any:
    return client.post(f"/api/v1/people/changes/{ident}/undo")


def test_faces_are_named_and_the_same_name_again_adds_to_the_person(as_alice: Any, faces: list[str]) -> None:
    named(as_alice, "Ann", *faces[:2])
    named(as_alice, "ann", faces[2])
    shown = as_alice.get("/api/v1/people").json()["results"]
    assert [(person["name"], person["count"]) for person in shown] == [("Ann", 3)]
    found = as_alice.get(f"/api/v1/people/{shown[0]['id']}/faces").json()["results"]
    assert {face["id"] for face in found} == set(faces[:3])
    assert as_alice.get(f"/api/v1/people/{shown[0]['id']}").json() == shown[0]


def test_a_wrong_merge_is_undone(as_alice: Any, faces: list[str]) -> None:
    ann, bea = named(as_alice, "Ann", *faces[:3]), named(as_alice, "Bea", *faces[3:])
    merged = as_alice.post(
        f"/api/v1/people/{bea['person']}/merge", {"into": ann["person"]}, format="json"
    ).json()
    assert (merged["kind"], merged["count"], set(who(*faces))) == ("merged", 3, {"Ann"})
    assert len(as_alice.get("/api/v1/people").json()["results"]) == 1
    assert undo(as_alice, merged["id"]).json() == {"faces": 3}
    assert who(*faces) == ["Ann"] * 3 + ["Bea"] * 3
    assert undo(as_alice, merged["id"]).status_code == 404


def test_an_undo_leaves_alone_what_was_changed_since(as_alice: Any, faces: list[str]) -> None:
    first = named(as_alice, "Ann", *faces[:3])
    named(as_alice, "Bea", faces[0])
    assert undo(as_alice, first["id"]).json() == {"faces": 2}
    assert who(*faces[:3]) == ["Bea", None, None]


def test_a_face_that_is_not_the_person_is_removed_and_given_back(as_alice: Any, faces: list[str]) -> None:
    ann = named(as_alice, "Ann", *faces[:4])["person"]
    answer = as_alice.post(f"/api/v1/people/{ann}/faces", {"remove": [faces[3], faces[4]]}, format="json")
    (change,) = answer.json()["results"]
    assert (change["kind"], change["count"], who(faces[3])) == ("removed", 1, [None])
    undo(as_alice, change["id"])
    assert who(faces[3]) == ["Ann"]


def test_people_are_renamed_but_not_to_the_name_of_another(as_alice: Any, faces: list[str]) -> None:
    ann, bea = named(as_alice, "Ann", faces[0])["person"], named(as_alice, "Bea", faces[3])["person"]
    assert as_alice.patch(f"/api/v1/people/{ann}", {"name": "Anna"}, format="json").json()["name"] == "Anna"
    refused = as_alice.patch(f"/api/v1/people/{bea}", {"name": "anna"}, format="json")
    assert (refused.status_code, set(refused.json()["errors"])) == (422, {"name"})
    assert as_alice.delete(f"/api/v1/people/{ann}").status_code == 204
    assert who(faces[0]) == [None]


def test_what_cannot_be_named_is_refused(as_alice: Any, as_bob: Any, faces: list[str]) -> None:
    ann = named(as_alice, "Ann", faces[0])["person"]
    for body in ({"name": "Bea", "faces": []}, {"name": "Bea", "faces": [ann]}):
        assert as_alice.post("/api/v1/people", body, format="json").json()["code"] == "no_faces"
    assert (
        as_bob.post("/api/v1/people", {"name": "Bea", "faces": faces}, format="json").json()["code"]
        == "no_faces"
    )
    itself = as_alice.post(f"/api/v1/people/{ann}/merge", {"into": ann}, format="json")
    assert (itself.status_code, itself.json()["code"]) == (422, "same_person")
    assert as_alice.post(f"/api/v1/people/{ann}/faces", {}, format="json").json()["code"] == "no_faces"
    assert Person.objects.count() == 1


def test_a_stranger_undoes_merges_and_reads_nothing(as_alice: Any, as_bob: Any, faces: list[str]) -> None:
    naming = named(as_alice, "Ann", *faces[:2])
    own = f"/api/v1/people/{naming['person']}"
    answers = [
        undo(as_bob, naming["id"]),
        as_bob.get(own),
        as_bob.post(f"{own}/merge", {"into": naming["person"]}, format="json"),
        as_bob.post(f"{own}/faces", {"remove": faces}, format="json"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert as_bob.get("/api/v1/people/changes").json()["results"] == []
    assert as_bob.get("/api/v1/people").json()["results"] == []


def test_old_changes_go_and_people_without_faces_with_them(as_alice: Any, faces: list[str]) -> None:
    ann, bea = named(as_alice, "Ann", faces[0]), named(as_alice, "Bea", faces[3])
    as_alice.post(f"/api/v1/people/{bea['person']}/merge", {"into": ann["person"]}, format="json")
    assert tidying.forget_changes() == 0
    Naming.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert tidying.forget_changes() > 0
    assert [person.name for person in Person.objects.all()] == ["Ann"]


# ---------------------------------------------------------------- pages


@pytest.fixture
def browser(client: Any, alice: Any) -> Any:
    client.force_login(alice)
    return client


def test_a_face_leads_from_its_picture_to_more_of_the_person_and_gets_a_name(
    browser: Any, faces: list[str]
) -> None:
    face = Face.objects.get(id=faces[0])
    assert f"/gallery/faces/{face.id}/" in browser.get(f"/gallery/{face.item_id}/").content.decode()
    page = browser.get(f"/gallery/faces/{face.id}/").content.decode()
    assert page.count(" checked") == 2  # the two others of this person
    assert " style=" not in page
    answer = browser.post(f"/gallery/faces/{face.id}/name/", {"name": "Ann", "face": [*faces[1:3], "boat"]})
    assert who(*faces[:3]) == ["Ann"] * 3
    person = Person.objects.get()
    assert answer["Location"] == f"/gallery/people/{person.id}/"
    assert "3 faces are now Ann." in browser.get(answer["Location"]).content.decode()
    assert 'value="Ann"' in browser.get(f"/gallery/faces/{faces[1]}/").content.decode()


def test_a_merge_is_made_and_undone_on_the_pages(browser: Any, as_alice: Any, faces: list[str]) -> None:
    ann, bea = named(as_alice, "Ann", faces[0])["person"], named(as_alice, "Bea", faces[3])["person"]
    browser.post(f"/gallery/people/{bea}/change/", {"act": "merge", "into": ann})
    assert who(faces[3]) == ["Ann"]
    page = browser.get("/gallery/people/").content.decode()
    assert "Bea became Ann: 1 face" in page
    newest = Naming.objects.first()
    assert newest
    assert f"/gallery/people/changes/{newest.id}/undo/" in page
    browser.post(f"/gallery/people/changes/{newest.id}/undo/")
    assert who(faces[3]) == ["Bea"]


def test_a_person_is_renamed_freed_of_a_face_and_deleted_on_their_page(
    browser: Any, as_alice: Any, faces: list[str]
) -> None:
    page = f"/gallery/people/{named(as_alice, 'Ann', *faces[:2])['person']}/"
    browser.post(f"{page}change/", {"name": "Anna"})
    browser.post(f"{page}change/", {"act": "remove", "face": faces[0]})
    assert who(*faces[:2]) == [None, "Anna"]
    assert browser.get(page).status_code == 200
    browser.post(f"{page}change/", {"act": "delete"})
    assert browser.get(page).status_code == 404


@pytest.mark.parametrize("language, word", [("en", "People"), ("es", "Personas"), ("zh-hans", "人物")])
def test_the_pages_ask_for_the_consent_in_every_language(
    browser: Any, alice: Any, measured: Any, language: str, word: str
) -> None:
    asked = browser.get("/gallery/people/", headers={"Accept-Language": language}).content.decode()
    assert word in asked
    version = asked.split('name="version" value="')[1].split('"')[0]
    browser.post("/gallery/people/agree/", {"version": version})
    item = add(alice, 10, UNCLEAR)
    measured(alice)
    agreed = browser.get("/gallery/people/", headers={"Accept-Language": language}).content.decode()
    assert 'name="image"' in agreed
    for face in Face.objects.filter(item=item):
        page = browser.get(
            f"/gallery/faces/{face.id}/?from=2020-01-01", headers={"Accept-Language": language}
        )
        assert page.status_code == 200


def test_after_another_wording_the_page_of_a_face_asks_for_the_consent_again(
    browser: Any, alice: Any, faces: list[str]
) -> None:
    from accounts.models import Consent

    Consent.objects.filter(user=alice).delete()
    Consent.objects.create(user=alice, kind="face_search", version="2020-01", wording="x", language="en")
    assert browser.get(f"/gallery/faces/{faces[0]}/")["Location"] == "/gallery/people/"


def test_a_wrong_filter_opens_the_page_without_it(browser: Any, faces: list[str]) -> None:
    answer = browser.get(f"/gallery/faces/{faces[0]}/?kind=boat")
    assert (answer.status_code, answer["Location"]) == (302, f"/gallery/faces/{faces[0]}/")


# ---------------------------------------------------------------- searching with a picture


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch, eyes: Any) -> None:
    """A worker that begins as soon as a message is sent."""
    from celery import current_app

    from config.runs import broker

    current_app.loader.import_default_modules()
    monkeypatch.setattr(
        broker, "enqueue", lambda task, ident, queue: current_app.tasks[task](str(ident)) or True
    )


def sent(client: Any, data: bytes, **more: Any) -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    image = SimpleUploadedFile("me.png", data, "image/png")
    return client.post("/api/v1/faces/search", {"image": image, **more}, format="multipart")


@pytest.mark.django_db(transaction=True)
def test_a_picture_is_searched_with_and_nothing_of_it_is_kept(
    alice: Any, browser: Any, at_once: None
) -> None:
    from gallery.faces.models import FaceQuery
    from tests.accounts.leftovers import files_of
    from tests.conftest import client_of

    agree(alice)
    same, other = add(alice, 11), add(alice, 20)
    files = files_of(alice.id)
    found = sent(client_of(alice), drawn_with(10)).json()["results"]
    assert [hit["item"] for hit in found] == [str(same.id), str(other.id)]
    assert (FaceQuery.objects.count(), files_of(alice.id)) == (0, files)
    from django.core.files.uploadedfile import SimpleUploadedFile

    page = browser.post("/gallery/people/seek/", {"image": SimpleUploadedFile("a.png", drawn_with(10))})
    assert str(same.id) in page.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_picture_that_cannot_be_searched_with_is_refused_with_its_reason(alice: Any, at_once: None) -> None:
    from gallery.faces.models import FaceQuery
    from tests.conftest import client_of

    agree(alice)
    add(alice, 10)
    client = client_of(alice)
    wrong = {
        "no_face": drawn_with(),
        "several_faces": drawn_with(10, 20, 30, 40, 50),
        "face_unclear": drawn_with(UNCLEAR),
        "not_an_image": b"%PDF-1.7",
    }
    answers = {code: sent(client, data) for code, data in wrong.items()}
    assert {code: (a.status_code, a.json()["code"]) for code, a in answers.items()} == {
        code: (422, code) for code in wrong
    }
    assert len({a.json()["detail"] for a in answers.values()}) == 4
    assert FaceQuery.objects.count() == 0


def test_when_no_worker_answers_the_search_says_so_and_leaves_nothing(
    as_alice: Any, alice: Any, wake_ups: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gallery.faces import queries
    from gallery.faces.models import FaceQuery

    monkeypatch.setattr(queries, "PATIENCE", 0)
    agree(alice)
    add(alice, 10)
    assert sent(as_alice, drawn_with(10)).json()["code"] == "unavailable"
    assert FaceQuery.objects.count() == 0
