"""Items and albums as clients see them, and the forms that clients send about them."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from config.errors import Invalid
from config.web.text import NameField, TextField
from gallery import search
from gallery.models import Item
from ml.edit import FLIPS, Edit
from ml.types import ASPECTS
from twins.models import Training

PIXELS = 100_000  # of a crop's numbers at most
# Filters that choose nothing by themselves: with any value, or with these.
ALL = ("ordering", "folded")
WIDE = (("archived", "any"), ("archived", "false"))


class ItemSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    class Meta:
        model = Item
        fields = (
            "id",
            "kind",
            "twin",
            "training",
            "demonstration",
            "job",
            "index",
            "original",
            "prompt",
            "style",
            "recipe",
            "engine",
            "width",
            "height",
            "size",
            "media_type",
            "likeness",
            "likeness_low",
            "duration",
            "favourite",
            "archived",
            "keeper",
            "tags",
            "notes",
            "place",
            "created_at",
        )


# The column of each field. show_item reads them directly, as a serializer takes 0.6 ms an item.
COLUMNS = {
    name: f"{name}_id" if name in ("twin", "original", "keeper") else name
    for name in ItemSerializer.Meta.fields
}


def show_item(item: Item, measured: Collection[UUID]) -> dict[str, Any]:
    """`measured`: see measured_by. The likeness of a picture by another training is not told."""
    shown = {name: getattr(item, column) for name, column in COLUMNS.items()}
    return shown if item.training in measured else shown | {"likeness": None, "likeness_low": None}


def measured_by(user: Any) -> set[UUID]:
    """The user's trainings whose likeness, and that of their pictures, can be told."""
    return set(Training.objects.owned_by(user).measured().values_list("id", flat=True))


class ItemForm(serializers.Serializer):  # type: ignore[type-arg]
    favourite = serializers.BooleanField(required=False)
    archived = serializers.BooleanField(required=False)
    tags = serializers.ListField(child=NameField(max_length=40), required=False, max_length=60)
    notes = TextField(max_length=2000, required=False, allow_blank=True)
    place = NameField(max_length=80, required=False, allow_blank=True)


class CropForm(serializers.Serializer):  # type: ignore[type-arg]
    """Pixels of the picture after it was flipped and turned."""

    x = serializers.IntegerField(min_value=-PIXELS, max_value=PIXELS)
    y = serializers.IntegerField(min_value=-PIXELS, max_value=PIXELS)
    width = serializers.IntegerField(min_value=-PIXELS, max_value=PIXELS)
    height = serializers.IntegerField(min_value=-PIXELS, max_value=PIXELS)


class EditForm(serializers.Serializer):  # type: ignore[type-arg]
    """Done in this order: flip, turn, straighten, crop, light."""

    flip = serializers.ChoiceField(choices=FLIPS, required=False, allow_blank=True)
    rotate = serializers.ChoiceField(choices=(0, 90, 180, 270), required=False, help_text="clockwise")
    straighten = serializers.FloatField(
        min_value=-45, max_value=45, required=False, help_text="degrees clockwise; the corners are cut off"
    )
    crop = CropForm(required=False, allow_null=True)
    aspect_ratio = serializers.ChoiceField(
        choices=ASPECTS,
        required=False,
        allow_blank=True,
        help_text="without a crop: the largest part in the middle of this shape",
    )
    brightness = serializers.IntegerField(min_value=-100, max_value=100, required=False)
    contrast = serializers.IntegerField(min_value=-100, max_value=100, required=False)
    saturation = serializers.IntegerField(min_value=-100, max_value=100, required=False)

    def validate_straighten(self, degrees: float) -> float:
        if not math.isfinite(degrees):
            raise serializers.ValidationError(_("Enter a number of degrees."))
        return round(degrees, 2)

    @property
    def edit(self) -> Edit:
        """What the valid form asks for."""
        fields = dict(self.validated_data)
        crop, aspect = fields.pop("crop", None), fields.pop("aspect_ratio", "")
        box = (crop["x"], crop["y"], crop["width"], crop["height"]) if crop else None
        return Edit(**fields, crop=box, aspect=aspect)


class ChoiceForm(serializers.Serializer):  # type: ignore[type-arg]
    """A choice of items: `ids`, or a `filter` with the parameters of the list."""

    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=10_000)
    filter = serializers.DictField(child=TextField(), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        search.check_names(attrs.get("filter", {}))
        return attrs


class NarrowForm(ChoiceForm):
    """Either `ids` or a `filter`: an empty request never changes or deletes everything."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        narrowing = [
            1 for k, v in attrs.get("filter", {}).items() if v and k not in ALL and (k, v) not in WIDE
        ]
        if bool(attrs.get("ids")) == bool(narrowing):
            raise Invalid(errors={"ids": [str(_("Send either ids or a filter."))]})
        return attrs


class DeleteForm(NarrowForm):
    """Which items to delete."""


class ExportForm(ChoiceForm):
    """`ids`, or a `filter`. Without both, all items."""


class DeletedSerializer(serializers.Serializer):  # type: ignore[type-arg]
    deleted = serializers.IntegerField()


class AlbumSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    name = serializers.CharField()
    created_at = serializers.DateTimeField()


class AlbumForm(serializers.Serializer):  # type: ignore[type-arg]
    name = NameField(max_length=80)


class AlbumItemsForm(serializers.Serializer):  # type: ignore[type-arg]
    add = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=1000)
    remove = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=1000)


class CountSerializer(serializers.Serializer):  # type: ignore[type-arg]
    count = serializers.IntegerField()
