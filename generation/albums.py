"""The album that results are put into, chosen before they are made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rest_framework.exceptions import ValidationError

from config.errors import DomainError, Invalid, NotFound
from gallery.models import Album
from gallery.services import album_named, clean_name

NEW = "new"  # what a page's form sends for an album that is still to be made
LISTED = 50  # albums in a page's choice, the newest


def own(user: Any, ident: Any) -> Album | None:
    """None for no album. Raises NotFound."""
    return Album.objects.owned_by(user).get_or_404(ident) if ident else None


def listed(user: Any, chosen: str = "") -> list[Album]:
    """What a page offers: the newest albums, and the chosen one if it is still there."""
    rows = Album.objects.owned_by(user)
    found = list(rows[:LISTED])
    if chosen not in ("", NEW, *(str(album.id) for album in found)):
        with suppress(NotFound):
            found.insert(0, rows.get_or_404(chosen))
    return found


@contextmanager
def chosen(user: Any, choice: str, name: str = "") -> Iterator[Album | None]:
    """The album that a page's form asks for: "", an id, or NEW with a name. A new one whose request is
    refused is not kept. Raises NotFound, Invalid."""
    if choice != NEW:
        yield own(user, choice)
        return
    try:
        clean = clean_name(name)
    except ValidationError as error:
        raise Invalid(errors={"album_name": [str(text) for text in error.detail]}) from None
    known = Album.objects.owned_by(user).filter(name__iexact=clean).exists()
    album = album_named(user, clean)
    try:
        yield album
    except DomainError:
        if not known:
            album.delete()
        raise
