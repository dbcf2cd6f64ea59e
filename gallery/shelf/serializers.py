"""Forms and answers of bulk edits."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from config.errors import Invalid
from config.web.text import NameField
from gallery.models import Item
from gallery.serializers import NarrowForm
from gallery.shelf import alike, stacks
from gallery.shelf.models import BulkEdit


class TagsChange(serializers.Serializer):  # type: ignore[type-arg]
    add = serializers.ListField(child=NameField(max_length=40), required=False, max_length=30)
    remove = serializers.ListField(child=NameField(max_length=40), required=False, max_length=30)


class AlbumsChange(serializers.Serializer):  # type: ignore[type-arg]
    add = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=20)
    remove = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=20)


class BulkForm(NarrowForm):
    """A choice of at most 10,000 items, and what to change about them."""

    favourite = serializers.BooleanField(required=False)
    archived = serializers.BooleanField(required=False)
    tags = TagsChange(required=False)
    albums = AlbumsChange(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        lists = [*attrs.get("tags", {}).values(), *attrs.get("albums", {}).values()]
        if not any(lists) and not {"favourite", "archived"} & set(attrs):
            raise Invalid(errors={"favourite": [str(_("Say what to change."))]})
        return attrs


def changes_of(form: dict[str, Any]) -> dict[str, Any]:
    """The arguments of gallery.shelf.bulk.edit_items that a valid form asks for."""
    lists = {
        f"{verb}_{name}": idents for name in ("tags", "albums") for verb, idents in form.get(name, {}).items()
    }
    return lists | {"flags": {name: form[name] for name in ("favourite", "archived") if name in form}}


class StackForm(serializers.Serializer):  # type: ignore[type-arg]
    ids = serializers.ListField(child=serializers.UUIDField(), max_length=stacks.MOST)
    keeper = serializers.UUIDField(required=False, help_text="on top; without it the first of ids")


class StackSerializer(serializers.Serializer):  # type: ignore[type-arg]
    keeper = serializers.UUIDField()
    ids = serializers.ListField(child=serializers.UUIDField(), help_text="the keeper first")


class DuplicatesSerializer(serializers.Serializer):  # type: ignore[type-arg]
    results = serializers.ListField(
        child=serializers.ListField(child=serializers.UUIDField()), help_text="in each the oldest first"
    )
    alike = serializers.ListField(
        child=serializers.ListField(child=serializers.UUIDField()),
        help_text="groups that look alike and are not equal byte for byte",
    )


class MergeForm(serializers.Serializer):  # type: ignore[type-arg]
    keep = serializers.UUIDField()
    ids = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        max_length=alike.MOST,
        help_text="the pictures that are merged; without it all that are equal to `keep`",
    )


class ApartForm(serializers.Serializer):  # type: ignore[type-arg]
    ids = serializers.ListField(child=serializers.UUIDField(), max_length=alike.MOST)


class ApartSerializer(serializers.Serializer):  # type: ignore[type-arg]
    changed = serializers.IntegerField()


class BulkEditSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField(allow_null=True, help_text="to undo it; null when nothing changed")
    changed = serializers.IntegerField()
    undo_until = serializers.DateTimeField(allow_null=True)


class UndoneSerializer(serializers.Serializer):  # type: ignore[type-arg]
    changed = serializers.IntegerField()


def show_stack(item: Item) -> dict[str, Any]:
    return {"keeper": item.keeper_id or item.id, "ids": [each.id for each in stacks.members_of(item)]}


def show_edit(edit: BulkEdit | None) -> dict[str, Any]:
    if edit is None:
        return {"id": None, "changed": 0, "undo_until": None}
    return {"id": edit.id, "changed": edit.count, "undo_until": edit.undo_until}
