"""Engines as clients see them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts import consents
from billing import prices
from config.web.labels import engine_name
from ml.catalogue import SERVICES, Base, video_of
from ml.motions import MOTIONS
from ml.prompts import known_eras


class WhereSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """The company that runs an engine."""

    service = serializers.CharField()
    company = serializers.CharField()
    country = serializers.CharField(help_text="ISO 3166")
    privacy_url = serializers.URLField()


class EnginePricesSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Credits. A draft's price is that of two pictures."""

    draft = serializers.IntegerField()
    standard = serializers.IntegerField()
    high = serializers.IntegerField()
    training = serializers.IntegerField(
        allow_null=True, help_text="null where it trains no twins; the first may be free, see /quote"
    )
    video_second = serializers.IntegerField(allow_null=True, help_text="null where it makes no clips")


class EngineSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField()
    name = serializers.CharField()
    photorealistic = serializers.BooleanField(help_text="twins trained on it ask for a live selfie")
    trains = serializers.BooleanField(help_text="trains twins")
    paints = serializers.BooleanField(help_text="makes pictures")
    video = serializers.BooleanField(help_text="makes clips")
    motions = serializers.ListField(
        child=serializers.CharField(), help_text="the movements that it knows, for `motion` of a clip"
    )
    motion_words = serializers.BooleanField(
        help_text="reads any movement in words, `action` of a clip; else they may name `motions` alone"
    )
    where = WhereSerializer(
        allow_null=True, help_text="the company that gets what the work needs; null for our own machines"
    )
    consent = serializers.CharField(allow_null=True, help_text="the kind of consent that it needs for twins")
    consented = serializers.BooleanField(help_text="that consent is given, or none is needed")
    prices = EnginePricesSerializer()
    licence = serializers.CharField()
    eras = serializers.ListField(
        child=serializers.CharField(), help_text="the times that it knows, for `era` of POST /generations"
    )


def show_engine(user: Any, base: Base) -> dict[str, Any]:
    kind = consents.kind_of(base.service) if base.service else None
    moves = video_of(base)
    return {
        "id": base.name,
        "name": str(engine_name(base.name)),
        "photorealistic": base.photorealistic,
        "trains": base.trains,
        "paints": True,
        "video": bool(base.video),
        "motions": list(MOTIONS) if moves else [],
        "motion_words": bool(moves and moves.words),
        "where": _where(base.service),
        "consent": kind,
        "consented": kind is None or consents.has(user.id, kind),
        "prices": {"training": None} | prices.of_engine(base) | {"video_second": prices.video_second(base)},
        "licence": base.licence,
        "eras": known_eras(base),
    }


def _where(service: str) -> dict[str, str] | None:
    if not service:
        return None
    company = SERVICES[service]
    return {
        "service": service,
        "company": company.company,
        "country": company.country,
        "privacy_url": company.privacy_url,
    }
