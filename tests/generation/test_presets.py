"""Presets: the studio's settings, saved by name."""

from __future__ import annotations

from typing import Any

import pytest

from generation.presets import services
from generation.presets.models import StudioPreset

pytestmark = pytest.mark.django_db
PRESETS = "/api/v1/presets"
NOIR = {"style": "noir", "aspect_ratio": "2:3", "count": 4}


def test_a_preset_is_saved_replaced_and_deleted(as_alice: Any) -> None:
    made = as_alice.post(PRESETS, {"name": "Noir", "settings": NOIR}, format="json")
    assert (made.status_code, made.json()["settings"]) == (201, NOIR)
    again = as_alice.post(PRESETS, {"name": "Noir", "settings": {"style": "anime"}}, format="json").json()
    assert (again["id"], again["settings"]) == (made.json()["id"], {"style": "anime"})
    assert as_alice.get(PRESETS).json()["results"] == [again]
    assert as_alice.delete(f"{PRESETS}/{again['id']}").status_code == 204
    assert as_alice.delete(f"{PRESETS}/{again['id']}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "", "settings": {}},
        {"name": "\u200b", "settings": {}},
        {"name": "x" * 61, "settings": {}},
        {"name": "x", "settings": {"style": "crayon"}},
        {"name": "x", "settings": {"count": 9}},
        {"name": "x", "settings": []},
    ],
)
def test_bad_presets_are_refused(as_alice: Any, body: dict[str, Any]) -> None:
    answer = as_alice.post(PRESETS, body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert not StudioPreset.objects.exists()


def test_there_is_a_most_but_a_name_can_always_be_replaced(as_alice: Any, alice: Any) -> None:
    rows = [StudioPreset(user=alice, name=f"{n}") for n in range(services.MOST)]
    StudioPreset.objects.bulk_create(rows)
    full = as_alice.post(PRESETS, {"name": "one more", "settings": {}}, format="json")
    assert (full.status_code, full.json()["code"]) == (409, "preset_limit")
    assert as_alice.post(PRESETS, {"name": "7", "settings": NOIR}, format="json").status_code == 201


def test_the_studio_saves_shows_and_deletes_them(client: Any, alice: Any, bob: Any) -> None:
    client.force_login(alice)
    filled = {"preset_name": "My noir", "prompt": "in a park", "style": "noir", "seed": "7", "steps": ""}
    back = client.post("/studio/presets/save/", filled)
    assert back.url == "/studio/?prompt=in+a+park&seed=7&style=noir"
    preset = StudioPreset.objects.get(name="My noir")
    assert preset.settings == {"style": "noir"}
    assert 'href="/studio/?style=noir"' in client.get("/studio/").content.decode()
    client.force_login(bob)
    assert client.post(f"/studio/presets/{preset.id}/delete/").status_code == 404
    client.force_login(alice)
    assert client.post(f"/studio/presets/{preset.id}/delete/").status_code == 302
    assert client.post(f"/studio/presets/{preset.id}/delete/").status_code == 404


def test_a_nameless_preset_says_so(client: Any, alice: Any) -> None:
    client.force_login(alice)
    said = client.post("/studio/presets/save/", {"prompt": "x"}, follow=True).content.decode()
    assert "is-error" in said
    assert not StudioPreset.objects.exists()
