"""Faces in a user's pictures: measured after the consent, found again, and deleted with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import consents
from accounts.vault.vault import store
from gallery.faces import indexing, pictures, search, tasks
from gallery.faces.models import Face, FaceVector, Indexing, Measured, Person
from gallery.models import Item
from tests.gallery.faces import UNCLEAR, FaceJudge, add, agree, vector_of
from twins.models import Photo

pytestmark = pytest.mark.django_db


def searched(client: Any, face: Face, **more: Any) -> list[dict[str, Any]]:
    answer = client.post("/api/v1/faces/search", {"face": str(face.id), **more}, format="json")
    assert answer.status_code == 200, answer.json()
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def face_of(item: Item, number: int = 0) -> Face:
    return Face.objects.get(item=item, number=number)


def test_a_picture_that_is_saved_after_the_consent_is_measured(
    as_alice: Any, alice: Any, eyes: Any, work: Any, django_capture_on_commit_callbacks: Any
) -> None:
    agree(alice)
    with django_capture_on_commit_callbacks(execute=True):
        item = add(alice, 10, 20)
    assert work() == 1
    shown = as_alice.get(f"/api/v1/items/{item.id}/faces").json()["results"]
    assert [(face["box"], face["kind"]) for face in shown] == [
        ([0, 40, 16, 60], "image"),
        ([20, 40, 36, 60], "image"),
    ]
    assert FaceVector.objects.filter(user=alice).count() == 2


def test_without_the_consent_nothing_is_measured_and_with_it_all_that_is_there(
    as_alice: Any, alice: Any, eyes: Any, work: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        add(alice, 10)
    assert work() == 0
    version = consents.WORDING["face_search"][0]
    as_alice.post("/api/v1/consents", {"kind": "face_search", "version": version}, format="json")
    assert work() == 1
    assert Face.objects.filter(user=alice).count() == 1


def test_photos_of_oneself_are_found_and_those_of_somebody_elses_twin_are_not_even_measured(
    as_alice: Any, alice: Any, photos: list[Photo], measured: Any
) -> None:
    photos[0].twin.of_other = True
    photos[0].twin.save()
    assert not pictures.has_any(alice)
    photos[0].twin.of_other = False
    photos[0].twin.save()
    sought = add(alice, 11)
    measured(alice)
    found = searched(as_alice, face_of(sought), kind="photo")
    assert {hit["photo"] for hit in found} == {str(photo.id) for photo in photos}


def test_pictures_are_measured_some_at_a_time_so_that_others_have_their_turn(
    alice: Any, measured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "BATCH", 2)
    items = [add(alice, 10) for _ in range(5)]
    measured(alice)
    assert Face.objects.filter(item__in=items).count() == 5
    run = Indexing.objects.get(user=alice)
    assert (run.status, run.attempt, run.crashes) == ("succeeded", 3, 0)


def test_a_picture_saved_while_an_indexing_ends_is_not_forgotten(
    alice: Any, eyes: FaceJudge, measured: Any
) -> None:
    add(alice, 10)
    late: list[Item] = []

    def look(stage: str, share: float) -> None:
        late.append(add(alice, 20))

    whole = eyes.embed
    eyes.embed = lambda *a: (late or look("", 0)) and whole(*a) or whole(*a)  # type: ignore[method-assign]
    measured(alice)
    assert Face.objects.filter(item=late[0]).exists()


def test_a_damaged_or_missing_file_is_left_out_and_not_tried_again(alice: Any, measured: Any) -> None:
    gone, there = add(alice, 10), add(alice, 10)
    store(alice.id).delete(gone.content)
    measured(alice)
    assert [face.item for face in Face.objects.filter(user=alice)] == [there]
    assert not indexing.is_waiting(alice.id, ["dlib-resnet-2"])


# ---------------------------------------------------------------- searching


def test_the_same_person_is_found_first_in_ones_own_pictures_alone(
    as_alice: Any, alice: Any, bob: Any, measured: Any
) -> None:
    sought, same, other = add(alice, 10), add(alice, 13), add(alice, 20)
    add(bob, 10)
    measured(bob)
    measured(alice)
    found = searched(as_alice, face_of(sought))
    assert [hit["item"] for hit in found] == [str(same.id), str(other.id)]
    assert found[0]["score"] > 0.99 > 0.01 > found[1]["score"]


def test_a_picture_is_found_once_by_its_likest_face(as_alice: Any, alice: Any, measured: Any) -> None:
    sought, crowd = add(alice, 10), add(alice, 20, 13, 30)
    measured(alice)
    found = searched(as_alice, face_of(sought))
    assert [(hit["item"], hit["box"][0]) for hit in found] == [(str(crowd.id), 20)]


def test_filters_narrow_what_is_found(as_alice: Any, alice: Any, measured: Any) -> None:
    sought, day = add(alice, 10), timezone.now() - timedelta(days=40)
    old = add(alice, 11, created_at=day, tags=["beach"], place="Oslo")
    new = add(alice, 12)
    measured(alice)
    shown = {
        name: [hit["item"] for hit in searched(as_alice, face_of(sought), **query)]
        for name, query in {
            "tag": {"tag": "Beach"},
            "place": {"place": "oslo"},
            "from": {"from": f"{day + timedelta(days=2):%Y-%m-%d}"},
            "to": {"to": f"{day + timedelta(days=1):%Y-%m-%d}"},
            "kind": {"kind": "image"},
            "none": {"kind": "video"},
            "limit": {"limit": 1},
        }.items()
    }
    assert shown["tag"] == shown["place"] == shown["to"] == [str(old.id)]
    assert shown["from"] == [str(new.id)]
    assert set(shown["kind"]) == {str(old.id), str(new.id)}
    assert (shown["none"], len(shown["limit"])) == ([], 1)


def test_many_vectors_are_searched_by_the_index_with_the_same_answer(
    as_alice: Any, alice: Any, bob: Any, measured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sought = [add(alice, 10 * person + n) for person in range(3) for n in range(3)][0]
    add(bob, 10)
    measured(bob)
    measured(alice)
    exact = searched(as_alice, face_of(sought))
    monkeypatch.setattr(search, "EXACT", 0)
    with CaptureQueriesContext(connection) as asked:
        found = searched(as_alice, face_of(sought))
    assert found[:2] == exact[:2]  # the others are equally far
    assert [hit["score"] for hit in found] == [hit["score"] for hit in exact]
    query = next(q["sql"] for q in asked if "halfvec(128)" in q["sql"])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN {query}")
        assert "near_dlib_resnet_2" in str(cursor.fetchall())


# ---------------------------------------------------------------- another embedder


def test_while_another_embedder_measures_the_old_one_answers_and_names_stay(
    as_alice: Any, alice: Any, eyes: FaceJudge, measured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [add(alice, 10 + n) for n in range(4)]
    measured(alice)
    sought = face_of(items[0])
    as_alice.post("/api/v1/people", {"name": "Ann", "faces": [str(sought.id)]}, format="json")
    eyes.name, eyes.width = "facenet-vggface2", 512
    monkeypatch.setattr(tasks, "BATCH", 2)
    indexing.enqueue(alice.id)
    tasks.index_faces(Indexing.objects.get(user=alice).id)
    assert indexing.answering(alice.id) == ["dlib-resnet-2"]  # half of the pictures wait
    assert len(searched(as_alice, sought)) == 3
    for _ in range(2):
        tasks.index_faces(Indexing.objects.get(user=alice).id)
    assert indexing.answering(alice.id) == ["facenet-vggface2"]
    assert set(FaceVector.objects.values_list("embedder", flat=True)) == {"facenet-vggface2"}
    assert face_of(items[0]).id == sought.id
    assert face_of(items[0]).person.name == "Ann"
    assert len(searched(as_alice, sought)) == 3


def test_every_minute_those_are_measured_who_wait(alice: Any, bob: Any, eyes: FaceJudge, work: Any) -> None:
    assert tasks.index_all_faces() == 0
    agree(alice)
    add(alice, 10)
    add(bob, 10)
    assert tasks.index_all_faces() == 1
    tasks.index_faces(Indexing.objects.get().id)
    assert tasks.index_all_faces() == 0
    eyes.name = "another"
    assert tasks.index_all_faces() == 1


# ---------------------------------------------------------------- withdrawing


def test_a_withdrawal_deletes_all_of_it_at_once_and_a_later_consent_begins_anew(
    as_alice: Any, alice: Any, measured: Any
) -> None:
    item = add(alice, 10)
    measured(alice)
    as_alice.post("/api/v1/people", {"name": "Ann", "faces": [str(face_of(item).id)]}, format="json")
    assert as_alice.delete("/api/v1/consents/face_search").status_code == 204
    for model in (Face, FaceVector, Measured, Person, Indexing):
        assert not model._base_manager.filter(user=alice).exists()
    measured(alice)
    assert Face.objects.filter(user=alice).count() == 1


def test_a_worker_that_measures_while_the_consent_is_withdrawn_keeps_nothing(
    alice: Any, eyes: FaceJudge, measured: Any
) -> None:
    add(alice, 10)
    whole = eyes.embed

    def withdrawn(*given: Any) -> Any:
        consents.withdraw(alice, kind="face_search")
        return whole(*given)

    eyes.embed = withdrawn  # type: ignore[method-assign]
    measured(alice)
    assert not Face.objects.exists()


def test_a_deleted_picture_takes_its_faces_along(as_alice: Any, alice: Any, measured: Any) -> None:
    first, second = add(alice, 10), add(alice, 11)
    measured(alice)
    gone = face_of(first)
    as_alice.delete(f"/api/v1/items/{first.id}")
    assert not FaceVector.objects.filter(face=gone.id).exists()
    answer = as_alice.post("/api/v1/faces/search", {"face": str(gone.id)}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert searched(as_alice, face_of(second)) == []


def test_a_locked_picture_is_not_found_by_its_faces_until_it_comes_back(
    as_alice: Any, alice: Any, measured: Any, work: Any, django_capture_on_commit_callbacks: Any
) -> None:
    from gallery.shelf import area

    sought, locked = add(alice, 10), add(alice, 11)
    measured(alice)
    area.lock(alice, [locked.id])
    assert searched(as_alice, face_of(sought)) == []
    assert indexing.unmeasured(alice, ["dlib-resnet-2"], most=9) == []
    with django_capture_on_commit_callbacks(execute=True):
        area.release(Item.objects.filter(user=alice, locked=True), [locked.id])
    work()
    assert [hit["item"] for hit in searched(as_alice, face_of(sought))] == [str(locked.id)]


# ---------------------------------------------------------------- refusals


def refused(client: Any, body: dict[str, Any], language: str = "en") -> tuple[int, str, str]:
    answer = client.post("/api/v1/faces/search", body, format="json", headers={"Accept-Language": language})
    return answer.status_code, answer.json()["code"], answer.json()["detail"]


@pytest.mark.parametrize("language", ["en", "es", "zh-hans"])
def test_a_search_without_consent_or_picture_says_what_is_missing(
    as_alice: Any, alice: Any, language: str
) -> None:
    body = {"face": "00000000-0000-4000-8000-000000000000"}
    none = refused(as_alice, body, language)
    agree(alice)
    nothing = refused(as_alice, body, language)
    assert [none[:2], nothing[:2]] == [(403, "consent_required"), (409, "no_pictures")]
    assert (nothing[2].startswith("You have no picture")) == (language == "en")


def test_a_strangers_face_and_an_unclear_one_are_refused(
    as_alice: Any, as_bob: Any, alice: Any, bob: Any, measured: Any
) -> None:
    hers, unclear = add(alice, 10), add(bob, UNCLEAR)
    measured(alice)
    measured(bob)
    assert refused(as_bob, {"face": str(face_of(hers).id)})[:2] == (404, "not_found")
    assert refused(as_bob, {"face": str(face_of(unclear).id)})[:2] == (422, "face_unclear")
    assert refused(as_bob, {})[:2] == (400, "missing_file")
    assert as_bob.get(f"/api/v1/items/{hers.id}/faces").status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"limit": 0}, {"limit": 101}, {"kind": "boat"}, {"from": "soon"}, {"to": "9999-12-31"}]
)
def test_a_filter_that_is_none_is_named(as_alice: Any, alice: Any, measured: Any, wrong: Any) -> None:
    item = add(alice, 10)
    measured(alice)
    answer = as_alice.post("/api/v1/faces/search", {"face": str(face_of(item).id), **wrong}, format="json")
    assert (answer.status_code, set(answer.json()["errors"])) == (422, set(wrong))


def test_vectors_of_the_double_are_as_far_apart_as_those_of_people() -> None:
    from ml.nets.scales import REAL, SCALES

    apart = float(((vector_of(10) - vector_of(20)) ** 2).sum() ** 0.5)
    assert SCALES[REAL].probability(apart) < 0.01
