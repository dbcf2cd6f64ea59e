"""Preferences by topic and channel, in the API and on their page."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from accounts.notices import preferences
from accounts.notices.kinds import Topic

pytestmark = pytest.mark.django_db


def test_me_has_every_topic_with_every_channel(as_alice: Any) -> None:
    found = as_alice.get("/api/v1/me").json()["notifications"]
    both = {"email": True, "push": True}
    assert found == dict.fromkeys(Topic.values, both) | {"generation": both | {"email": False}}


def test_a_change_leaves_the_rest(alice: Any, as_alice: Any) -> None:
    for change in ({"training": {"email": False}}, {"training": {"push": False}}, {"export": {}}):
        answer = as_alice.patch("/api/v1/me", {"notifications": change}, format="json")
        assert answer.status_code == 200, answer.json()
    assert answer.json()["notifications"]["training"] == {"email": False, "push": False}
    assert answer.json()["notifications"]["export"] == {"email": True, "push": True}
    alice.refresh_from_db()
    assert alice.notifications == {"training": {"email": False, "push": False}, "export": {}}


@pytest.mark.parametrize(
    "bad", [{"training": True}, {"training": {"email": None}}, [], "x", {"export": {"push": 7}}]
)
def test_what_is_no_preference_is_refused(alice: Any, as_alice: Any, bad: Any) -> None:
    answer = as_alice.patch("/api/v1/me", {"notifications": bad}, format="json")
    assert answer.status_code == 422
    assert all(name.startswith("notifications.") for name in answer.json()["errors"])
    alice.refresh_from_db()
    assert alice.notifications == {}


def test_a_name_that_changes_at_the_same_time_is_kept(alice: Any, as_alice: Any) -> None:
    answer = as_alice.patch(
        "/api/v1/me", {"display_name": "Ana", "notifications": {"export": {"push": False}}}, format="json"
    ).json()
    assert (answer["display_name"], answer["notifications"]["export"]["push"]) == ("Ana", False)


def test_they_are_chosen_on_their_page(client: Any, alice: Any) -> None:
    client.force_login(alice)
    where = "/account/notices/preferences/"
    page = client.get(where).content.decode()
    assert page.count(" checked") == 9
    assert 'href="/account/notices/preferences/"' in client.get("/account/").content.decode()
    client.post(where, {"training-email": "on"})
    alice.refresh_from_db()
    assert preferences.wants(alice, "training", "email")
    assert [t for t, c in preferences.of(alice).items() if any(c.values())] == ["training"]
    assert client.get(where).content.decode().count(" checked") == 1


def test_earlier_yes_and_no_become_those_of_emails(alice: Any) -> None:
    alice.notifications = {"training": False, "export": True, "news": True}
    alice.save()
    migration = import_module("accounts.migrations.0021_channels")
    migration.to_channels(apps, None)
    alice.refresh_from_db()
    assert alice.notifications == {"training": {"email": False}, "export": {"email": True}}
    migration.to_channels(apps, None)
    migration.to_switches(apps, None)
    alice.refresh_from_db()
    assert json.loads(json.dumps(alice.notifications)) == {"training": False, "export": True}
