"""What owners say of a picture, as forms and answers."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from config.web.text import TextField
from gallery.ratings.models import BEST, Reason
from twins.redo.serializers import RedoSerializer, show_redo
from twins.redo.services import Offer


def _stars(about: str) -> serializers.IntegerField:
    return serializers.IntegerField(
        min_value=1, max_value=BEST, required=False, allow_null=True, help_text=f"{about}, 1 to {BEST}"
    )


class FeedbackForm(serializers.Serializer):  # type: ignore[type-arg]
    """What is not sent stays as it is; null takes stars back."""

    not_me = serializers.BooleanField(
        required=False, help_text="true: the picture does not show me; false takes that back"
    )
    likeness = _stars("how much it looks like me")
    prompt = _stars("how well it shows what I asked for")
    quality = _stars("how good it is as a picture")
    reasons = serializers.ListField(
        child=serializers.ChoiceField(Reason.choices), required=False, max_length=len(Reason.values)
    )
    words = TextField(required=False, allow_blank=True, max_length=500)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if not data:
            raise serializers.ValidationError(_("Send at least one of these fields."))
        if "reasons" in data:
            data["reasons"] = sorted(set(data["reasons"]))
        return data


class RatingSerializer(serializers.Serializer):  # type: ignore[type-arg]
    likeness = serializers.IntegerField(allow_null=True)
    prompt = serializers.IntegerField(allow_null=True)
    quality = serializers.IntegerField(allow_null=True)
    reasons = serializers.ListField(child=serializers.CharField())
    words = serializers.CharField()


class FeedbackSerializer(serializers.Serializer):  # type: ignore[type-arg]
    not_me = serializers.BooleanField()
    rating = RatingSerializer(allow_null=True)
    redo = RedoSerializer(allow_null=True, help_text="null for a picture of no twin")


def show_feedback(not_me: bool, rating: Any, offer: Offer | None) -> dict[str, Any]:
    return {
        "not_me": not_me,
        "rating": rating and RatingSerializer(rating).data,
        "redo": offer and show_redo(offer),
    }
