"""A twin's photos show one person, in one kind of picture. Else pages and API show the groups."""

from __future__ import annotations

from typing import Any

import pytest

from ml.nets.scales import DRAWN, REAL
from ml.types import Inspection
from twins import checks
from twins.models import Photo

pytestmark = pytest.mark.django_db


@pytest.fixture
def set_of(photos: list[Any], twin: Any) -> Any:
    """Gives the ten accepted photos a person (number), a kind and a yaw each."""

    def change(*people: int, embedder: str = REAL, **fields: Any) -> list[Photo]:
        for photo, person in zip(photos, people, strict=False):
            vector = [0.0] * 128
            vector[person] = 1.0
            rows = Photo.objects.filter(id=photo.id)
            rows.update(embedding=vector, embedder=embedder, points=[0.0] * 10, **fields)
        return list(twin.photos.accepted())

    return change


def test_two_people_half_and_half_are_shown_as_two_groups(
    set_of: Any, as_alice: Any, twin: Any, client: Any
) -> None:
    ids = [str(p.id) for p in set_of(*[0] * 5, *[1] * 5)]
    ready = as_alice.get(f"/api/v1/twins/{twin.id}").json()["readiness"]
    assert ready["people"] == [ids[:5], ids[5:]]
    said = "These photos seem to show 2 people. Keep those of one person, and remove the others."
    assert {"code": "people", "detail": said} in ready["missing"]
    refused = as_alice.post(f"/api/v1/twins/{twin.id}/trainings", {}, format="json")
    assert (refused.status_code, refused.json()["code"], refused.json()["detail"]) == (
        409,
        "not_enough_photos",
        said,
    )
    client.force_login(twin.user)
    page = client.get(f"/twins/{twin.id}/").content.decode()
    assert said in page
    assert page.count("Remove these 5") == 2


def test_the_photos_of_a_group_are_removed_at_once_and_only_ones_own(
    set_of: Any, twin: Any, client: Any, bob: Any, as_alice: Any
) -> None:
    group = " ".join(str(p.id) for p in set_of(*[0] * 6, *[1] * 4)[6:])
    for user, status, left in ((bob, 404, 10), (twin.user, 302, 6), (twin.user, 404, 6)):
        client.force_login(user)
        assert client.post(f"/twins/{twin.id}/photos/remove/", {"photo": group}).status_code == status
        assert twin.photos.count() == left
    ready = as_alice.get(f"/api/v1/twins/{twin.id}").json()["readiness"]
    assert (ready["people"], ready["needed"]) == ([], 4)


@pytest.mark.parametrize(
    "people, said",
    [
        ([1] + [0] * 9, "1 photo seems to show somebody else. Remove it."),
        ([1, 2] + [0] * 8, "2 photos seem to show somebody else. Remove them."),
        ([0] * 10, ""),
    ],
)
def test_strangers_that_came_first_are_named_once_the_others_agree(
    set_of: Any, people: list[int], said: str
) -> None:
    ready = checks.readiness(set_of(*people))
    assert dict(ready.missing).get("people", "") == said


def test_drawings_and_photographs_are_told_apart(set_of: Any, photos: list[Any], as_alice: Any) -> None:
    set_of(*[0] * 10)
    drawn = Photo.objects.filter(id=photos[0].id)
    drawn.update(embedder=DRAWN)
    ready = checks.readiness(list(Photo.objects.accepted()))
    assert "drawings" in ready.missing[0][1]
    rows = as_alice.get(f"/api/v1/twins/{photos[0].twin_id}/photos").json()["results"]
    assert [row["kind"] for row in rows] == ["drawn", *["photograph"] * 9]
    drawn.update(accepted=False, code="other_person", hints=["other_kind"])
    said = as_alice.get(f"/api/v1/twins/{photos[0].twin_id}/photos/{photos[0].id}").json()
    assert (said["code"], said["detail"].split(",")[0]) == ("other_person", "This is a drawing")


@pytest.mark.parametrize(
    "embedder, code, hints",
    [(DRAWN, "other_person", ["other_kind"]), (REAL, "other_person", []), (DRAWN, "", [])],
)
def test_a_photo_of_another_kind_than_most_is_marked(embedder: str, code: str, hints: list[str]) -> None:
    others = [Inspection(True, embedder=REAL)] * 2
    assert checks.hints_of(Inspection(not code, code, embedder=embedder), others) == hints


def test_profiles_alone_ask_for_the_front_and_are_no_angles(set_of: Any, as_alice: Any, twin: Any) -> None:
    photos = set_of(*[0] * 10, yaw=-60.0, hints=["turned_left", "profile"])
    ready = checks.readiness(photos)
    assert (ready.needed, "front" in dict(ready.missing), "angles_left" in dict(ready.missing)) == (
        3,
        True,
        True,
    )
    refused = as_alice.post(f"/api/v1/twins/{twin.id}/trainings", {}, format="json").json()
    assert refused["detail"] == str(checks.FRONT)
    for photo in photos[:3]:
        photo.hints, photo.yaw = [], 0.0
    ready = checks.readiness(photos)  # three fronts that agree: now the profiles count
    assert (ready.needed, "angles_left" in dict(ready.missing)) == (0, False)
