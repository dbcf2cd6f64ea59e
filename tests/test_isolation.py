"""Nobody reaches what is somebody else's: every address, method and rendition, as its owner, a stranger and nobody.

The matrix is made from the address list itself: an address without a row here fails.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import URLPattern
from rest_framework.views import APIView

from config import urls

pytestmark = pytest.mark.django_db

OPEN = {"plans", "styles", "verify"}  # for anybody, without an account
# Addresses of one's own, without an id: a stranger sees their own there, never alice's.
OWN = {
    "me", "consents", "exports", "billing", "billing/entries", "quote", "twins", "photos", "generations", "prompts/suggest", "items", "items/delete",
    "albums",
}  # fmt: skip
# Addresses with an id: what stands for it.
OF = {
    "consents/<slug:kind>": "consent", "exports/<uuid:ident>": "export", "exports/<uuid:ident>/content": "export", "twins/<uuid:ident>": "twin",
    "twins/<uuid:ident>/photos": "twin", "twins/<uuid:ident>/photos/<uuid:photo>": "photo", "twins/<uuid:ident>/photos/<uuid:photo>/content": "photo",
    "twins/<uuid:ident>/photos/<uuid:photo>/thumbnail": "photo", "twins/<uuid:ident>/trainings": "twin", "trainings/<uuid:ident>": "training",
    "trainings/<uuid:ident>/cancel": "training", "trainings/<uuid:ident>/activate": "training", "trainings/<uuid:ident>/weights": "training",
    "trainings/<uuid:ident>/samples/<int:number>": "training",
    "generations/<uuid:ident>": "job", "generations/<uuid:ident>/cancel": "job", "generations/<uuid:ident>/repeat": "job", "items/<uuid:ident>": "item",
    "items/<uuid:ident>/content": "item", "items/<uuid:ident>/thumbnail": "item", "albums/<uuid:ident>": "album", "albums/<uuid:ident>/items": "album",
}  # fmt: skip
# What makes an otherwise empty request pass the form, so that ownership and not the form refuses.
BODIES: dict[str, dict[str, Any]] = {"twins/<uuid:ident>": {"name": "x"}, "albums/<uuid:ident>": {"name": "x"}}


def routes() -> list[tuple[str, str]]:
    """(address, method) of all that the API answers."""
    out = []
    for pattern in urls.api:
        assert isinstance(pattern, URLPattern)
        view: type[APIView] = pattern.callback.view_class
        out += [(str(pattern.pattern), m) for m in ("get", "post", "put", "patch", "delete") if hasattr(view, m)]
    return out


@pytest.fixture
def things(alice: Any, trained: Any, photos: list[Any]) -> dict[str, str]:
    """One of everything of alice's."""
    from accounts.models import Export
    from gallery.models import Album, Item
    from gallery.services import save_item
    from generation.models import Job
    from tests.studio import paint

    job = Job.objects.create(user=alice, twin=trained, training=trained.active_training, prompt="x", seed=1)
    item = Item(user=alice, width=64, height=64, size=0, etag="", job=job.id)
    for name, value in save_item(alice.id, item.id, paint(b"", 1)).items():
        setattr(item, name, value)
    item.save()
    return {
        "consent": "terms", "export": str(Export.objects.create(user=alice, scope="items").id), "twin": str(trained.id), "photo": str(photos[0].id),
        "training": str(trained.active_training_id), "job": str(job.id), "item": str(item.id), "album": str(Album.objects.create(user=alice, name="a").id),
    }  # fmt: skip


def address(route: str, things: dict[str, str]) -> str:
    kind = OF[route]
    ident = things["twin"] if kind == "photo" else things[kind]
    filled = route.replace("<uuid:ident>", ident).replace("<slug:kind>", ident).replace("<uuid:photo>", things["photo"])
    filled = filled.replace("<int:number>", "0")
    return f"/api/v1/{filled}"


def test_every_route_has_its_row() -> None:
    assert {route for route, _method in routes()} == OPEN | OWN | OF.keys()


def test_a_stranger_finds_nothing_of_alices(as_bob: Any, things: dict[str, str]) -> None:
    reached = []
    for route, method in routes():
        if route in OF:
            answer = getattr(as_bob, method)(address(route, things), BODIES.get(route, {}), format="json")
            if answer.status_code != 404 or answer.json()["code"] != "not_found":
                reached.append((method, route, answer.status_code))
    assert reached == []


def test_what_is_listed_is_ones_own(as_bob: Any, things: dict[str, str]) -> None:
    listed = {
        route: as_bob.get(f"/api/v1/{route}").json() for route in ("twins", "photos", "generations", "items", "albums")
    }
    assert {route: page["results"] for route, page in listed.items()} == dict.fromkeys(listed, [])


def test_nobody_reaches_nothing(client: Any, things: dict[str, str]) -> None:
    reached = []
    for route, method in routes():
        if route not in OPEN:
            where = address(route, things) if route in OF else f"/api/v1/{route}"
            answer = getattr(client, method)(where, {}, content_type="application/json")
            if answer.status_code != 401 or answer.json()["code"] != "not_authenticated":
                reached.append((method, route, answer.status_code))
    assert reached == []


def test_the_owner_reaches_all_of_it(as_alice: Any, things: dict[str, str]) -> None:
    """So that the strangers' 404s above are refusals and no typing errors."""
    skipped = {"exports/<uuid:ident>/content"}  # not packed yet
    missed = []
    for route, method in routes():
        if route in OF and method == "get" and route not in skipped:
            answer = as_alice.get(address(route, things))
            if answer.status_code != 200:
                missed.append((route, answer.status_code))
    assert missed == []
