"""Edits: a new picture that names its original, signed as edited; each refusal leaves nothing behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.conf import settings

from accounts.vault.vault import store
from billing import audit
from config.errors import NotFound
from gallery.edits import edit_item
from gallery.models import Item
from gallery.services import save_item
from ml import media, provenance, watermark
from ml.edit import Edit
from tests.gallery.pictures import HEIGHT, WIDTH, hang, pixels

pytestmark = pytest.mark.django_db


@pytest.fixture
def item(alice: Any) -> Item:
    return hang(alice, tags=["park"], style="noir")


def ask(client: Any, item: Item, **fields: Any) -> Any:
    return client.post(f"/api/v1/items/{item.id}/edits", fields, format="json")


def made_of(item: Item) -> Item:
    return Item.objects.get(original=item)


def test_an_edit_is_a_new_picture_that_names_its_original(as_alice: Any, item: Item) -> None:
    answer = ask(as_alice, item, crop={"x": 10, "y": 20, "width": 200, "height": 210}, flip="horizontal")
    assert answer.status_code == 201
    said = answer.json()
    assert (said["original"], said["width"], said["height"]) == (str(item.id), 200, 210)
    assert (said["prompt"], said["style"], said["tags"]) == ("in a park", "noir", ["park"])
    assert said["recipe"]["edits"] == [{"flip": "horizontal", "crop": [10, 20, 200, 210]}]
    shown = media.to_array(store(item.user_id).read(made_of(item).content))
    wanted = pixels()[20:230, ::-1][:, 10:210]
    assert np.abs(shown.astype(int) - wanted).mean() < 3  # the mark is all that differs
    assert audit.problems() == []


def test_it_is_signed_as_edited_and_marked(as_alice: Any, item: Item) -> None:
    ask(as_alice, item, crop={"x": 0, "y": 0, "width": 240, "height": 240})
    made = made_of(item)
    png = store(item.user_id).read(made.content)
    certificates = provenance.known_certificates(settings.KEYS / "provenance")
    found = provenance.verify(png, certificates=certificates)
    assert (found.kind, found.signed, found.ident) == ("edited", True, made.mark)
    assert made.mark != item.mark


def test_an_edit_of_the_light_keeps_the_number_in_the_mark(as_alice: Any, item: Item) -> None:
    assert ask(as_alice, item, brightness=10, contrast=-5, saturation=20).status_code == 201
    made = made_of(item)
    assert made.mark == item.mark == watermark.read(media.to_array(store(item.user_id).read(made.content)))


def test_the_same_edit_twice_is_one_picture_and_edits_add_up(as_alice: Any, item: Item) -> None:
    first, again = (ask(as_alice, item, rotate=90).json()["id"] for _ in range(2))
    assert first == again
    turned = Item.objects.get(id=first)
    further = ask(as_alice, turned, brightness=5).json()
    assert (further["original"], further["width"]) == (first, HEIGHT)
    assert further["recipe"]["edits"] == [{"rotate": 90}, {"brightness": 5}]


@pytest.mark.parametrize(
    "fields, code",
    [
        ({}, "edit_empty"),
        ({"crop": {"x": 0, "y": 0, "width": 0, "height": 200}}, "crop_empty"),
        ({"crop": {"x": 200, "y": 0, "width": 200, "height": 200}}, "crop_outside"),
        ({"crop": {"x": -5, "y": 0, "width": 200, "height": 200}}, "crop_outside"),
        ({"crop": {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT}, "straighten": 10}, "crop_outside"),
        ({"crop": {"x": 0, "y": 0, "width": 100, "height": 200}}, "crop_too_small"),
        ({"crop": {"x": 0, "y": 0}}, "invalid"),
        ({"rotate": 45}, "invalid"),
        ({"straighten": 46}, "invalid"),
        ({"straighten": "nan"}, "invalid"),
        ({"brightness": 101}, "invalid"),
        ({"flip": "sideways"}, "invalid"),
        ({"aspect_ratio": "5:7"}, "invalid"),
    ],
)
def test_what_cannot_be_done_is_refused(as_alice: Any, item: Item, fields: dict[str, Any], code: str) -> None:
    answer = ask(as_alice, item, **fields)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert Item.objects.count() == 1


def test_a_picture_of_somebody_else_is_not_found(as_bob: Any, item: Item) -> None:
    assert ask(as_bob, item, rotate=90).json()["code"] == "not_found"


def test_a_picture_deleted_meanwhile_is_not_found_and_leaves_no_files(
    item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row goes after its file was read: what was written for the edit is deleted again."""
    written: list[Any] = []
    monkeypatch.setattr("gallery.edits.save_item", lambda *args: written.append(args) or save_item(*args))
    Item.objects.filter(id=item.id).delete()
    with pytest.raises(NotFound):
        edit_item(item, Edit(rotate=90))
    (user, ident, _png) = written[0]
    assert not store(user).exists(Item(id=ident).content)
    store(user).delete(item.content)
    with pytest.raises(NotFound):
        edit_item(item, Edit(rotate=180))


def test_an_edit_outlives_its_original(as_alice: Any, item: Item) -> None:
    ident = ask(as_alice, item, rotate=90).json()["id"]
    assert as_alice.delete(f"/api/v1/items/{item.id}").status_code == 204
    assert as_alice.get(f"/api/v1/items/{ident}").json()["original"] is None
    assert as_alice.get(f"/api/v1/items/{ident}/content").status_code == 200


# ---------------------------------------------------------------- the page


@pytest.fixture
def page(alice: Any, client: Any) -> Any:
    client.force_login(alice)
    return client


def test_the_form_works_without_a_script(page: Any, item: Item) -> None:
    shown = page.get(f"/gallery/{item.id}/edit/").content.decode()
    assert 'name="straighten"' in shown
    sent = {"aspect_ratio": "1:1", "rotate": "", "flip": "", "straighten": "0", "brightness": "15", "x": ""}
    answer = page.post(f"/gallery/{item.id}/edit/", sent)
    made = made_of(item)
    assert answer["Location"] == f"/gallery/{made.id}/"
    assert (made.width, made.height) == (HEIGHT, HEIGHT)
    beside = page.get(f"/gallery/{made.id}/").content.decode()
    assert f"/gallery/{item.id}/" in beside


def test_a_refused_form_is_shown_again_with_its_values(page: Any, item: Item) -> None:
    crop = {"x": "300", "y": "0", "width": "200", "height": "200", "aspect_ratio": "1:1"}
    shown = page.post(f"/gallery/{item.id}/edit/", crop).content.decode()
    assert "Move the frame into the picture." in shown
    assert 'name="x" type="number" inputmode="numeric" value="300"' in shown
