"""The free retraining of a twin as clients see it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from twins.redo.advice import Advice
from twins.redo.services import Offer


class AdviceSerializer(serializers.Serializer):  # type: ignore[type-arg]
    code = serializers.CharField()
    detail = serializers.CharField()
    photos = serializers.ListField(child=serializers.UUIDField())


class RedoSerializer(serializers.Serializer):  # type: ignore[type-arg]
    offered = serializers.BooleanField(help_text="whether POST starts a free training now")
    used = serializers.BooleanField()
    marks = serializers.IntegerField(help_text="pictures of the version in use that you marked in time")
    advice = AdviceSerializer(many=True)


def show_redo(offer: Offer) -> dict[str, Any]:
    return {
        "offered": offer.offered,
        "used": offer.used,
        "marks": offer.marks,
        "advice": [show_advice(each) for each in offer.advice],
    }


def show_advice(advice: Advice) -> dict[str, Any]:
    return {"code": advice.code, "detail": advice.sentence, "photos": [photo.id for photo in advice.photos]}
