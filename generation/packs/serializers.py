"""Packs, orders and contact sheets as clients see them, and the forms that clients send about them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from billing.engines import offers
from config.web.labels import engine_name
from config.web.serializers import run_fields
from config.web.text import TextField
from generation.models import Job
from generation.packs import delivered, services
from generation.packs.models import Pack, PackPicture, Preset
from generation.packs.services import HEADSHOTS, LEAST, MOST, USUAL
from generation.packs.sheet import Shot
from ml.catalogue import Base
from ml.types import QUALITIES
from twins.models import Twin

CODE = 40  # characters


class PresetSerializer(serializers.Serializer):  # type: ignore[type-arg]
    code = serializers.CharField()
    kind = serializers.ChoiceField(choices=Preset.Kind.values)
    name = serializers.CharField()


class PackPictureSerializer(serializers.Serializer):  # type: ignore[type-arg]
    url = serializers.CharField()
    engine = serializers.CharField(help_text="the engine that made this example")
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class HeadshotPackSerializer(serializers.Serializer):  # type: ignore[type-arg]
    code = serializers.CharField()
    name = serializers.CharField()
    style = serializers.CharField()
    aspect_ratio = serializers.CharField()
    presets = PresetSerializer(many=True)
    pictures = PackPictureSerializer(many=True)


def show_pack(pack: Pack, base: Base) -> dict[str, Any]:
    """`pack` with the choices that this engine can make."""
    return {
        "code": pack.code,
        "name": pack.label,
        "style": pack.style,
        "aspect_ratio": pack.aspect_ratio,
        "presets": [show_preset(preset) for preset in services.choices_for(pack, base)],
        "pictures": [*map(show_picture, pack.pictures.all())] or delivered.pictures(pack.code),
    }


def show_preset(preset: Preset) -> dict[str, Any]:
    return {"code": preset.code, "kind": preset.kind, "name": preset.label}


def show_picture(picture: PackPicture) -> dict[str, Any]:
    return {
        "url": picture.address,
        "engine": picture.engine,
        "by": engine_name(picture.engine),
        "width": picture.width,
        "height": picture.height,
    }


class HeadshotsForm(serializers.Serializer):  # type: ignore[type-arg]
    """All pictures of a pack, as one job at one price."""

    kind = serializers.ChoiceField(choices=[HEADSHOTS])
    twin = serializers.UUIDField()
    pack = TextField(max_length=CODE, help_text="a code of /packs")
    presets = serializers.ListField(
        child=TextField(max_length=CODE),
        required=False,
        max_length=60,
        help_text="codes of presets of the pack; of a kind without any, all count",
    )
    count = serializers.IntegerField(min_value=LEAST, max_value=MOST, default=USUAL)
    quality = serializers.ChoiceField(choices=QUALITIES, required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    engine = serializers.ChoiceField(choices=[], required=False, allow_blank=True)
    session = serializers.UUIDField(required=False, help_text="one of your sessions, which gets the job")
    album = serializers.UUIDField(
        required=False, allow_null=True, help_text="one of your albums, which gets the pictures"
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        names = [base.name for base in offers.configured()]
        self.fields["engine"].choices = names  # type: ignore[attr-defined]


class AgainForm(HeadshotsForm):
    """What differs from the order that is made again."""

    kind = None  # type: ignore[assignment]
    pack = None  # type: ignore[assignment]
    session = None  # type: ignore[assignment]
    twin = serializers.UUIDField(required=False)
    count = serializers.IntegerField(min_value=LEAST, max_value=MOST, required=False)


def quoted(user: Any, fields: dict[str, Any]) -> dict[str, int]:
    """The price of an order. Raises ValidationError, NotFound, and what services.fill raises."""
    form = HeadshotsForm(data={**fields, "kind": HEADSHOTS})
    form.is_valid(raise_exception=True)
    wanted = form.validated_data
    twin = Twin.objects.owned_by(user).get_or_404(wanted["twin"])
    own = {name: wanted[name] for name in ("count", "quality", "engine") if name in wanted}
    job = Job(user=user, kind=HEADSHOTS, twin=twin, training=twin.active_training, **own)
    services.fill(job, wanted["pack"], wanted.get("presets", ()))
    return {"credits": job.job_kind.price(job)}


class ShotSerializer(serializers.Serializer):  # type: ignore[type-arg]
    item = serializers.UUIDField()
    index = serializers.IntegerField(help_text="the picture's place in the order")
    rank = serializers.IntegerField(help_text="from 1, the best by likeness and sharpness")
    prompt = serializers.CharField()
    favourite = serializers.BooleanField()
    recognised = serializers.BooleanField(help_text="false below the base's likeness floor: not charged")
    sharpness = serializers.FloatField(allow_null=True)


def show_shot(shot: Shot) -> dict[str, Any]:
    return {
        "item": shot.item.id,
        "index": shot.output.index,
        "rank": shot.rank,
        "prompt": shot.item.prompt,
        "favourite": shot.item.favourite,
        "recognised": shot.output.recognised,
        "sharpness": shot.output.sharpness,
    }


def show_job_page(job: Job) -> dict[str, Any]:
    """What a contact sheet shows of its job."""
    return run_fields(job) | {
        "count": job.count,
        "price": job.price,
        "unlike": job.unlike(),
        "spared": job.spared,
    }


class KeepForm(serializers.Serializer):  # type: ignore[type-arg]
    best = serializers.IntegerField(min_value=1, max_value=MOST)


class KeptSerializer(serializers.Serializer):  # type: ignore[type-arg]
    items = serializers.ListField(child=serializers.UUIDField())
