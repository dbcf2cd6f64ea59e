"""A user's pictures in an archive, each with its recipe in a JSON file, and the albums."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.utils.encoders import JSONEncoder

from accounts.archive import json_member, row
from accounts.vault.vault import Vault, store
from config.registry import Member
from gallery.models import Album, Item
from gallery.search import chosen
from gallery.serializers import measured_by, show_item


def items(user: Any, choice: dict[str, Any]) -> Iterator[Member]:
    """The chosen items, with the fields that the API shows."""
    files, measured = store(user.id), measured_by(user)
    for item in chosen(user, choice).iterator(chunk_size=200):
        if not files.exists(item.content):
            continue  # the user deleted it meanwhile
        yield Member(f"{_name(item)}.{_suffix(item)}", files.open_checked(item.content))
        recipe = json.dumps(show_item(item, measured), cls=JSONEncoder, indent=1).encode()
        yield Member(f"{_name(item)}.json", [recipe])


def gallery(user: Any) -> Iterator[Member]:
    """All items with every column, locked ones too (the password was asked for), and the albums."""
    files = store(user.id)
    for item in Item.objects.filter(user=user).iterator(chunk_size=200):
        name, about = f"{_name(item)}.{_suffix(item)}", _("A picture of yours.")
        if item.hidden:
            yield Member(name, None, _("This picture was taken down. Its file is not handed out."))
        else:
            yield Member(name, files.open_checked(item.content), about)
            yield from _drawing(item, files)
        told = row(item, without=("prints", "face_prints"))
        yield json_member(
            f"{_name(item)}.json", told, _("What the picture beside it was made from, and your notes.")
        )
    albums = [
        row(album) | {"items": list(album.items.values_list("id", flat=True))}
        for album in Album.objects.filter(user=user)
    ]
    yield json_member("albums.json", albums, _("Your albums, and which pictures are in them."))


def _drawing(item: Item, files: Vault) -> Iterator[Member]:
    if files.exists(item.drawing):
        about = _("What the built-in engine drew in the picture beside it: the face, the clothes, the place.")
        yield Member(f"{_name(item)}.drawing.json", files.open_checked(item.drawing), about)


def _name(item: Item) -> str:
    """The day in the owner's zone, and so much of the id that ten thousand pictures of a day differ."""
    return f"pictures/{timezone.localtime(item.created_at):%Y-%m-%d}-{str(item.id)[:13]}"


def _suffix(item: Item) -> str:
    return item.media_type.split("/")[-1]
