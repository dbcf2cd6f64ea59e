"""Look-ups check the owner, and files come from the owner's vault."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.test import RequestFactory

from config.errors import NotFound
from config.querysets import OwnedQuerySet

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parent.parent
APPS = ("accounts", "billing", "moderation", "twins", "gallery", "generation", "support")
OWNED = [m for m in apps.get_models() if isinstance(m._default_manager.all(), OwnedQuerySet)]


def sources() -> list[Path]:
    return sorted(p for app in APPS for p in (ROOT / app).rglob("*.py") if "migrations" not in p.parts)


def test_a_picture_is_read_from_its_owners_vault_whoever_looks_at_it(alice: Any, bob: Any) -> None:
    from gallery.models import Item
    from gallery.renditions import serve_item
    from gallery.services import save_item
    from tests.studio import paint

    item = Item(user=alice, width=64, height=64, size=0, etag="")
    for name, value in save_item(alice.id, item.id, paint(b"", 3)).items():
        setattr(item, name, value)
    request = RequestFactory().get("/")
    request.user = bob
    assert b"".join(serve_item(request, item, "content")) == paint(b"", 3)
    assert serve_item(request, item, "thumbnail").status_code == 200


def test_no_vault_is_chosen_by_who_asks() -> None:
    """store() is called with the user of a row, never with `request.user`."""
    calls = [
        (path.relative_to(ROOT), ast.unparse(node))
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "store"
    ]
    assert len(calls) > 15
    assert [call for call in calls if "request" in call[1]] == []


def test_pages_and_the_api_share_their_look_ups_and_not_each_other() -> None:
    """api.py and views.py do not import each other. Serializers and search are in other modules."""
    neighbours = {f"{app}.{face}" for app in APPS for face in ("api", "views")}
    faces = [path for path in sources() if path.name in ("views.py", "api.py")]
    found = [
        (path.relative_to(ROOT), node.module)
        for path in faces
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and str(node.module) in neighbours
    ]
    assert len(faces) >= 10
    assert found == []


@pytest.mark.parametrize("model", OWNED, ids=lambda m: m.__name__)
@pytest.mark.parametrize("ident", [uuid4(), "", "boat", "\0", "7", None, 2**70, "1' or '1'='1"])
def test_an_id_that_is_not_there_or_is_none_is_not_found(model: Any, ident: Any, alice: Any) -> None:
    with pytest.raises(NotFound):
        model.objects.owned_by(alice).get_or_404(ident)


def test_somebody_elses_row_is_not_found(alice: Any, bob: Any) -> None:
    from gallery.models import Album

    album = Album.objects.create(user=alice, name="a")
    assert Album.objects.owned_by(alice).get_or_404(str(album.id)) == album
    with pytest.raises(NotFound):
        Album.objects.owned_by(bob).get_or_404(album.id)


def test_an_album_cannot_be_deleted_as_if_it_were_pictures() -> None:
    """remove() deletes files by item id, so it must not exist for albums."""
    from gallery.models import Album, Item

    assert hasattr(Item.objects.all(), "remove")
    assert not hasattr(Album.objects.all(), "remove")


def test_every_model_with_an_owner_has_this_look_up() -> None:
    assert {m.__name__ for m in OWNED} >= {"Export", "Twin", "Photo", "Training", "Item", "Album", "Job"}
