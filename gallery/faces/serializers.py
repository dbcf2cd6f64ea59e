"""Faces and people as clients see them, and the forms that clients send about them."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from config.errors import Invalid
from config.web.text import NameField, TextField
from gallery.faces.models import PHOTO, Face, Naming
from gallery.faces.search import MOST, Filters, Hit
from gallery.models import Item

KINDS = [*Item.Kind.choices, (PHOTO, _("photo"))]


class FaceSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    item = serializers.UUIDField(allow_null=True, help_text="The picture, or null.")
    photo = serializers.UUIDField(allow_null=True, help_text="The uploaded photo, or null.")
    kind = serializers.ChoiceField(choices=KINDS, help_text="Of the picture.")
    box = serializers.ListField(
        child=serializers.IntegerField(), help_text="x1, y1, x2, y2 in pixels of the upright picture."
    )
    quality = serializers.FloatField(
        help_text="How well it can be compared, 0 to 1. Searches neither begin with nor find one of 0."
    )
    person = serializers.UUIDField(allow_null=True)
    made_at = serializers.DateTimeField()


class HitSerializer(FaceSerializer):
    score = serializers.FloatField(
        help_text="The probability, 0 to 1, that it shows the same person, if that was as likely as not."
    )


class FoundFacesSerializer(serializers.Serializer):  # type: ignore[type-arg]
    results = HitSerializer(many=True)


class FacesSerializer(serializers.Serializer):  # type: ignore[type-arg]
    results = FaceSerializer(many=True)


class PersonSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    name = serializers.CharField()
    count = serializers.IntegerField(help_text="How many faces")
    cover = serializers.UUIDField(help_text="The clearest face")


class PeopleSerializer(serializers.Serializer):  # type: ignore[type-arg]
    results = PersonSerializer(many=True)


class NamingSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Naming.Kind.choices)
    person = serializers.UUIDField()
    source = serializers.UUIDField(allow_null=True, help_text="Who was merged")
    count = serializers.IntegerField(help_text="How many faces it changed")
    created_at = serializers.DateTimeField()


class NamingsSerializer(serializers.Serializer):  # type: ignore[type-arg]
    results = NamingSerializer(many=True)


class UndoneNamingSerializer(serializers.Serializer):  # type: ignore[type-arg]
    faces = serializers.IntegerField(help_text="Faces given back; those that changed again since are not.")


def show_face(face: Face) -> dict[str, Any]:
    return {
        "id": face.id,
        "item": face.item_id,
        "photo": face.photo_id,
        "kind": face.kind,
        "box": face.box_in_pixels,
        "quality": round(face.quality, 3),
        "person": face.person_id,
        "made_at": face.made_at,
    }


def show_hit(hit: Hit) -> dict[str, Any]:
    return show_face(hit.face) | {"score": hit.score}


def show_naming(naming: Naming) -> dict[str, Any]:
    return {
        "id": naming.id,
        "kind": naming.kind,
        "person": naming.person_id,
        "source": naming.source_id,
        "count": len(naming.moved),
        "created_at": naming.created_at,
    }


# ---------------------------------------------------------------- forms


class FilterForm(serializers.Serializer):  # type: ignore[type-arg]
    """The filters of a search. Dates are days in the viewer's zone, both included."""

    tag = TextField(max_length=40, required=False, allow_blank=True)
    place = TextField(max_length=80, required=False, allow_blank=True)
    kind = serializers.ChoiceField(choices=KINDS, required=False, allow_blank=True)
    limit = serializers.IntegerField(min_value=1, max_value=MOST, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuses days that the database's calendar or a zone's hours would leave."""
        wrong = [name for name in ("from", "to") if attrs.get(name) and not 1900 <= attrs[name].year <= 9000]
        if wrong:
            raise Invalid(
                errors={name: [str(_("A day of this calendar, as in 2026-11-30."))] for name in wrong}
            )
        return attrs

    def get_fields(self) -> dict[str, Any]:
        """With `from` and `to`, whose first is no name in Python."""
        days = {name: serializers.DateField(required=False, allow_null=True) for name in ("from", "to")}
        return super().get_fields() | days


class SearchForm(FilterForm):
    """Either `image`, a picture of one face, or `face`, one in an own picture."""

    image = serializers.FileField(required=False)
    face = serializers.UUIDField(required=False)


class PersonForm(serializers.Serializer):  # type: ignore[type-arg]
    name = NameField(max_length=80)


class PersonOfFacesForm(PersonForm):
    faces = serializers.ListField(child=serializers.UUIDField(), max_length=1000)


class PersonFacesForm(serializers.Serializer):  # type: ignore[type-arg]
    add = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=1000)
    remove = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=1000)


class MergePeopleForm(serializers.Serializer):  # type: ignore[type-arg]
    into = serializers.UUIDField()


def filters_of(form: dict[str, Any]) -> Filters:
    """The filters of a validated FilterForm."""
    texts = {name: form.get(name, "") for name in ("tag", "place", "kind")}
    last = form.get("to")
    return Filters(_start(form.get("from")), _start(last + timedelta(days=1)) if last else None, **texts)


def _start(day: Any) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None
