"""Everybody can say what they think of the product, from any page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from support.feedback.models import Feedback
from support.feedback.services import path_of
from tests.rights import logged_in, staff_with

pytestmark = pytest.mark.django_db


def test_a_visitor_says_something_and_is_led_back(client: Client) -> None:
    page = client.get("/feedback/?page=/pricing/").content.decode()
    assert 'name="page" value="/pricing/"' in page
    answer = client.post("/feedback/", {"text": "Too dear.", "page": "/pricing/?interval=year"})
    assert (answer.status_code, answer["Location"]) == (302, "/pricing/")
    row = Feedback.objects.get()
    assert (row.user, row.page, row.text, row.language) == (None, "/pricing/", "Too dear.", "en")


def test_a_user_says_something_by_the_api(as_alice: Any, alice: Any) -> None:
    answer = as_alice.post("/api/v1/feedback", {"text": "Good."}, format="json")
    assert answer.status_code == 201
    assert Feedback.objects.get(id=answer.json()["id"]).user == alice


@pytest.mark.parametrize("text", ["", "   ", "a" * 2001])
def test_what_is_too_short_or_too_long_is_shown_again(client: Client, text: str) -> None:
    answer = client.post("/feedback/", {"text": text, "page": "/"})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert not Feedback.objects.exists()


@pytest.mark.parametrize(
    "page",
    ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "studio", "http://["],
)
def test_only_a_path_of_ours_is_kept_and_led_to(client: Client, page: str) -> None:
    assert path_of(page) == ""
    assert client.post("/feedback/", {"text": "a", "page": page})["Location"] == "/"


@pytest.mark.parametrize(
    ("page", "kept"),
    [("/studio/?prompt=secret#x", "/studio/"), ("/s/secret/", "/s/<str:token>/"), ("/nowhere/secret/", "")],
)
def test_nothing_secret_in_an_address_is_kept(client: Client, page: str, kept: str) -> None:
    client.post("/feedback/", {"text": "a", "page": page})
    assert Feedback.objects.get().page == kept


def test_staff_with_the_right_mark_it_as_done() -> None:
    row = Feedback.objects.create(text="Good.", language="en")
    staff = logged_in(staff_with("support.view_feedback", "support.change_feedback"))
    address = f"/admin/support/feedback/{row.id}/change/"
    assert staff.post(address, {"done": "on", "text": "changed"}).status_code == 302
    row.refresh_from_db()
    assert (row.done, row.text) == (True, "Good.")
    assert logged_in(staff_with("billing.view_invoice")).get(address).status_code == 403
    looker = logged_in(staff_with("support.view_feedback"))
    assert (looker.get(address).status_code, looker.post(address, {}).status_code) == (200, 403)
