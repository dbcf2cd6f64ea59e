"""Edits of pictures: a new item beside the original, in the vault, signed as edited. They cost nothing."""

from __future__ import annotations

import uuid
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.standing import services as standing
from accounts.vault.vault import store
from config.errors import DomainError, NotFound
from gallery.models import Item
from gallery.services import save_item
from gallery.shelf import stacks
from ml import edit, media
from ml.errors import MLError
from ml.finish import sign_edit
from ml.provenance import Signer

# What an edit takes over from its original.
COPIED = (
    "user_id",
    "kind",
    "twin_id",
    "training",
    "demonstration",
    "prompt",
    "style",
    "engine",
    "likeness",
    "safety",
    "tags",
    "place",
)


class CropEmpty(DomainError):
    code = "crop_empty"
    message = _("The part to keep has no size. Draw a frame around what should stay.")


class CropOutside(DomainError):
    code = "crop_outside"
    message = _("The part to keep lies outside of the picture. Move the frame into the picture.")


class CropTooSmall(DomainError):
    code = "crop_too_small"
    message = _("The part to keep is too small. Keep at least 192 pixels on each side.")


class NothingChanged(DomainError):
    code = "edit_empty"
    message = _("Nothing would change. Move a slider or the frame first.")


class ClipNotEdited(DomainError):
    code = "only_pictures"
    message = _("Clips cannot be edited. Choose a picture.")


REFUSALS = (CropEmpty, CropOutside, CropTooSmall, NothingChanged, ClipNotEdited)


def edit_item(item: Item, change: edit.Edit) -> Item:
    """The edited picture as a new item; the same edit of the same picture a second time is the first one.
    Raises REFUSALS, Suspended, and NotFound for a picture that was deleted meanwhile."""
    standing.require(item.user_id)
    require_picture(item)
    edits = [*item.recipe.get("edits", []), change.facts()]
    if earlier := _made(item, edits):
        return earlier
    parent = _read(item)
    try:
        picture = edit.apply(media.to_array(parent), change)
    except MLError as refused:
        raise next(kind for kind in REFUSALS if kind.code == refused.code) from None
    png, mark = sign_edit(
        picture,
        parent=parent,
        engine=item.engine or "nano",
        signer=signer(settings.KEYS),
        mark=None if change.moves else item.mark,
    )
    facts = {"recipe": item.recipe | {"edits": edits}, "mark": mark}
    return _insert(item, png, facts | {"width": picture.shape[1], "height": picture.shape[0]})


def require_picture(item: Item) -> None:
    """Raises ClipNotEdited."""
    if item.is_clip:
        raise ClipNotEdited


def _made(item: Item, edits: list[dict[str, Any]]) -> Item | None:
    own = Item.objects.owned_by(item.user_id)
    return own.filter(original=item, recipe__edits=edits).first()


def _read(item: Item) -> bytes:
    try:
        return store(item.user_id).read(item.content)
    except FileNotFoundError:
        raise NotFound from None


def _insert(item: Item, png: bytes, facts: dict[str, Any]) -> Item:
    """Writes the files, then the row, while the original is locked: of two same edits at once one stays."""
    made = Item(id=uuid.uuid4(), original=item, **{name: getattr(item, name) for name in COPIED}, **facts)
    kept = False
    try:
        for name, value in save_item(item.user_id, made.id, png).items():
            setattr(made, name, value)
        with transaction.atomic():
            Item.objects.owned_by(item.user_id).select_for_update(of=("self",)).get_or_404(item.id)
            if earlier := _made(item, made.recipe["edits"]):
                return earlier
            made.save(force_insert=True)
            stacks.join(made, item)
        kept = True
        return made
    finally:
        if not kept:
            store(item.user_id).delete_all(f"{made.folder}/")


@cache
def signer(keys: Path) -> Signer:
    return Signer.open(keys / "provenance")
