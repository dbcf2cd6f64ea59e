"""Restorations as clients see them, and the forms that clients send about them."""

from __future__ import annotations

import base64
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.vault.vault import store
from config.runs.places import Places
from config.web.serializers import RunFields, run_fields
from config.web.text import NameField, TextField
from generation.restorations.models import Restoration

SCALES = (1, 2, 4)


class RestorationForm(serializers.Serializer):  # type: ignore[type-arg]
    image = serializers.FileField(
        required=False, allow_empty_file=True, help_text="JPEG or PNG, at most 1 MB"
    )
    fidelity = serializers.FloatField(
        min_value=0,
        max_value=1,
        required=False,
        allow_null=True,
        help_text="1 keeps nearest to the picture, 0 restores most; without it, it is chosen by whom the face"
        " shows",
    )
    scale = serializers.ChoiceField(choices=SCALES, default=1)
    background = serializers.BooleanField(default=False, help_text="restore what is no face too")
    twin = serializers.UUIDField(
        required=False, allow_null=True, help_text="a twin of the person: its photos choose the fidelity"
    )
    album = serializers.UUIDField(
        required=False, allow_null=True, help_text="an album of one's own, which gets the result"
    )


class ChangeForm(serializers.Serializer):  # type: ignore[type-arg]
    tags = serializers.ListField(child=NameField(max_length=40), required=False, max_length=60)
    notes = TextField(max_length=2000, required=False, allow_blank=True)
    rating = serializers.IntegerField(min_value=1, max_value=5, required=False, allow_null=True)


class DeleteRestorationsForm(serializers.Serializer):  # type: ignore[type-arg]
    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=10_000)
    all = serializers.BooleanField(default=False, help_text="instead of ids: every restoration of yours")


class OriginalSerializer(serializers.Serializer):  # type: ignore[type-arg]
    url = serializers.CharField()
    thumbnail = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class RestoredFaceSerializer(serializers.Serializer):  # type: ignore[type-arg]
    box = serializers.ListField(child=serializers.FloatField())
    status = serializers.ChoiceField(choices=["restored", "left_alone"])
    before = serializers.FloatField()
    after = serializers.FloatField()
    identity = serializers.FloatField(allow_null=True)
    fidelity = serializers.FloatField()


class ResultSerializer(serializers.Serializer):  # type: ignore[type-arg]
    item = serializers.UUIDField()
    url = serializers.CharField()
    thumbnail = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    media_type = serializers.CharField()
    engine = serializers.CharField(help_text="the restorer that made it")
    scale = serializers.IntegerField()
    fidelity = serializers.FloatField()
    identity = serializers.FloatField(
        allow_null=True, help_text="the least probability that a face still shows the same person"
    )
    flagged = serializers.BooleanField(help_text="below the floor: not charged, and a milder one is offered")
    faces = RestoredFaceSerializer(many=True)
    data = serializers.CharField(required=False, help_text="base64, with ?encoding=base64")


class QualitySerializer(serializers.Serializer):  # type: ignore[type-arg]
    before = serializers.FloatField()
    after = serializers.FloatField()


class RestorationSerializer(RunFields):
    job = serializers.UUIDField()
    fidelity = serializers.FloatField(allow_null=True)
    scale = serializers.IntegerField()
    background = serializers.BooleanField()
    twin = serializers.UUIDField(allow_null=True)
    original = OriginalSerializer()
    result = ResultSerializer(allow_null=True)
    quality = QualitySerializer(allow_null=True)
    milder_of = serializers.UUIDField(allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    notes = serializers.CharField(allow_blank=True)
    rating = serializers.IntegerField(allow_null=True)


def show_restoration(
    row: Restoration, places: Places | None = None, *, inline: bool = False
) -> dict[str, Any]:
    """`inline`: with the result's bytes."""
    known = row.before is not None
    return run_fields(row.job, places) | {
        "id": row.id,
        "job": row.job_id,
        "fidelity": row.fidelity,
        "scale": row.scale,
        "background": row.background,
        "twin": row.twin_id,
        "original": show_original(row),
        "result": show_result(row, inline=inline) if row.item_id else None,
        "quality": {"before": row.before, "after": row.after} if known else None,
        "milder_of": row.milder_of_id,
        "tags": row.tags,
        "notes": row.notes,
        "rating": row.rating,
    }


def show_original(row: Restoration) -> dict[str, Any]:
    place = f"/api/v1/restorations/{row.id}"
    return {
        "url": f"{place}/original",
        "thumbnail": f"{place}/thumbnail",
        "width": row.width,
        "height": row.height,
    }


def show_result(row: Restoration, *, inline: bool) -> dict[str, Any]:
    item = row.item
    assert item
    place = f"/api/v1/items/{item.id}"
    told = {
        "item": item.id,
        "url": f"{place}/content",
        "thumbnail": f"{place}/thumbnail",
        "width": item.width,
        "height": item.height,
        "media_type": item.media_type,
        "engine": row.engine,
        "scale": row.made_scale,
        "fidelity": row.made_fidelity,
        "identity": row.identity,
        "flagged": row.flagged,
        "faces": row.faces,
    }
    if inline:
        told["data"] = base64.b64encode(store(row.user_id).read(item.content)).decode()
    return told


def identity_in_words(row: Restoration) -> Any:
    """What a page says of the identity; "" where there is no result."""
    if row.before is None:
        return ""
    if row.identity is None:
        return _("Whether it still shows the same person could not be measured. Please look yourself.")
    if row.flagged:
        return _("This may not look like the same person any more. It was not charged.")
    return _("The face still shows the same person, as far as can be measured.")
