"""A fair redo: pictures marked "not me" give one free retraining of their twin, with advice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import ledger
from gallery.models import Item
from support.insights import redos
from support.insights.figures import Period
from tests.engines import version_of
from tests.orders import with_weights
from twins.models import Photo, Training, Twin
from twins.redo import services
from twins.redo.advice import advise
from twins.redo.models import Mark, Redo

pytestmark = pytest.mark.django_db


@pytest.fixture
def trained(twin: Twin, photos: list[Any], wake_ups: list[Any]) -> Twin:
    """Its version is there without a training run."""
    return with_weights(twin, credits=0)


@pytest.fixture
def picture(trained: Twin) -> Item:
    return a_picture(trained)


def a_picture(twin: Twin, **fields: Any) -> Item:
    facts = {"width": 8, "height": 8, "size": 1, "etag": "x", "training": twin.active_training_id}
    return Item.objects.create(user=twin.user, twin=twin, **facts | fields)


def say(client: Any, item: Item, not_me: bool = True) -> Any:
    return client.post(f"/api/v1/items/{item.id}/feedback", {"not_me": not_me}, format="json")


def start(client: Any, twin: Twin, **headers: str) -> Any:
    return client.post(f"/api/v1/twins/{twin.id}/redo", {}, format="json", headers=headers)


def test_a_marked_picture_gives_one_free_retraining(
    as_alice: Any, trained: Twin, picture: Item, work: Callable[[], int]
) -> None:
    before = ledger.balance(ledger.wallet_of(trained.user))
    answer = say(as_alice, picture).json()
    assert (answer["redo"]["offered"], answer["redo"]["marks"]) == (True, 1)
    made = start(as_alice, trained)
    assert (made.status_code, made.json()["credits"]) == (202, {"held": 0, "captured": 0, "if_cancelled": 0})
    work()
    trained.refresh_from_db()
    assert str(trained.active_training_id) == made.json()["id"]
    assert ledger.balance(ledger.wallet_of(trained.user)) == before
    redo = Redo.objects.get()
    assert (redo.marks, redo.training_id, redo.retraining) == (1, picture.training, trained.active_training)


def test_it_is_given_once_a_twin(
    as_alice: Any, trained: Twin, picture: Item, work: Callable[[], int]
) -> None:
    say(as_alice, picture)
    key = {"Idempotency-Key": "k"}
    first, twice = (start(as_alice, trained, **key).json() for _ in range(2))
    assert first["id"] == twice["id"]
    assert start(as_alice, trained).json()["code"] == "redo_used"
    work()
    trained.refresh_from_db()
    assert say(as_alice, a_picture(trained)).json()["redo"]["used"] is True
    assert start(as_alice, trained).json()["code"] == "redo_used"
    assert Training.objects.count() == 2


def test_without_a_mark_or_after_it_was_taken_back_there_is_none(
    as_alice: Any, trained: Twin, picture: Item
) -> None:
    assert start(as_alice, trained).json()["code"] == "redo_not_offered"
    say(as_alice, picture)
    say(as_alice, picture)  # counts once
    assert Mark.objects.count() == 1
    assert say(as_alice, picture, not_me=False).json()["redo"]["offered"] is False
    assert start(as_alice, trained).status_code == 409


def test_old_pictures_and_those_of_another_version_do_not_count(as_alice: Any, trained: Twin) -> None:
    say(as_alice, a_picture(trained, created_at=timezone.now() - services.WITHIN - timedelta(minutes=1)))
    say(as_alice, a_picture(trained, training=None))
    assert start(as_alice, trained).json()["code"] == "redo_not_offered"
    say(as_alice, a_picture(trained, created_at=timezone.now() - services.WITHIN + timedelta(minutes=1)))
    version_of(trained, "nano")
    assert start(as_alice, trained).json()["code"] == "redo_not_offered"


def test_a_picture_of_nobody_and_a_strangers_cannot_be_marked(
    as_alice: Any, as_bob: Any, picture: Item
) -> None:
    assert say(as_bob, picture).status_code == 404
    Item.objects.update(twin=None)
    assert say(as_alice, picture).json()["code"] == "not_of_twin"
    assert not Mark.objects.exists()


def test_a_retraining_that_failed_on_our_side_is_given_again(
    as_alice: Any, trained: Twin, picture: Item
) -> None:
    say(as_alice, picture)
    first = start(as_alice, trained).json()["id"]
    Training.objects.filter(id=first).update(status="failed", error_code="worker_lost")
    second = start(as_alice, trained)
    assert second.status_code == 202
    Training.objects.filter(id=second.json()["id"]).update(status="cancelled", attempt=1)
    assert start(as_alice, trained).json()["code"] == "redo_used"


def test_the_consent_and_enough_photos_are_asked_for(as_alice: Any, trained: Twin, picture: Item) -> None:
    say(as_alice, picture)
    Photo.objects.filter(twin=trained).first().delete()  # type: ignore[union-attr]
    assert start(as_alice, trained).json()["code"] == "not_enough_photos"
    as_alice.delete("/api/v1/consents/biometric_twin")
    assert start(as_alice, trained).json()["code"] == "consent_required"
    assert not Redo.objects.exists()


def photo(**fields: Any) -> Photo:
    face = {"embedding": [1.0, *[0.0] * 127], "embedder": "test", "points": [0.0] * 10, "width": 640}
    facts = {"accepted": True, "sharpness": 0.3, "box": [0, 0, 400, 400], "yaw": 0.0, "light": 0.5, "hash": 1}
    return Photo(**face | facts | fields)


def test_the_advice_names_what_the_checks_saw() -> None:
    photos = [photo(), photo(sharpness=0.19), photo(box=[0, 0, 170, 200]), *(photo() for _ in range(8))]
    found = {each.code: each for each in advise(photos)}
    assert {"blur", "small", "angles_left", "angles_right", "lights", "expressions", "more"} <= found.keys()
    assert found["blur"].photos == (photos[1],)
    assert found["small"].sentence.startswith("In 1 photo")


def test_good_photos_get_the_advice_to_bring_others() -> None:
    looks = [{"yaw": -20.0, "light": 0.3, "hints": ["smiling"]}, {"yaw": 20.0, "light": 0.6, "hash": 1 << 61}]
    photos = [photo(hash=1 << 62), *(photo(**looks[i % 2]) for i in range(16))]
    assert [each.code for each in advise(photos)] == ["varied"]


def test_the_page_tells_what_to_change_and_starts_it(client: Any, trained: Twin, picture: Item) -> None:
    client.force_login(trained.user)
    where = f"/twins/{trained.id}/redo/"
    assert "Not me" in client.get(where).content.decode()
    client.post(f"/studio/pictures/{picture.id}/not-me/", {"not_me": "on"})
    assert "Train again" in client.get(where).content.decode()
    assert where in client.get(f"/gallery/{picture.id}/").content.decode()
    assert where in client.get(f"/twins/{trained.id}/").content.decode()
    for _ in range(2):
        assert client.post(where, {"key": "page"})["Location"] == f"/twins/{trained.id}/"
    assert Redo.objects.count() == 1
    assert "used already" in client.get(where).content.decode()


def test_staff_see_how_often_it_is_needed_and_whether_it_helped(
    as_alice: Any, trained: Twin, picture: Item, work: Callable[[], int]
) -> None:
    for item in (picture, a_picture(trained)):
        say(as_alice, item)
    start(as_alice, trained)
    work()
    today = timezone.now().date()
    found = redos.redos(Period(today, today))
    assert (found.marks, found.twins, found.retrained, found.succeeded, found.again) == (2, 1, 1, 1, 0)
    trained.refresh_from_db()
    say(as_alice, a_picture(trained))
    assert redos.redos(Period(today, today)).again == 1
    assert {row.code for row in redos.advice(Period(today, today))} >= {"angles_left", "angles_right"}
