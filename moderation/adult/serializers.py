"""The shapes of a proof of age."""

from __future__ import annotations

from rest_framework import serializers

from config.web.text import NameField
from moderation.adult.models import AgeCheck


class AgeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    on = serializers.BooleanField(help_text="Whether the operator allows adult content at all")
    takes_document = serializers.BooleanField(help_text="Whether a document is sent here")
    countries = serializers.DictField(child=serializers.CharField(), help_text="Allowed ones: ISO 3166, name")
    state = serializers.CharField(help_text="Of the last proof: " + ", ".join(AgeCheck.State.values))
    country = serializers.CharField()
    reason = serializers.CharField(help_text="Of a refusal")
    asked_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    allowed = serializers.BooleanField(help_text="Whether this person may ask for adult content")


class BegunSerializer(AgeSerializer):
    where = serializers.CharField(help_text="The provider's page to go on at; empty for a document")


class AgeForm(serializers.Serializer):  # type: ignore[type-arg]
    country = NameField(max_length=2, help_text="Where one lives, ISO 3166")
    file = serializers.FileField(required=False, help_text="A picture of the document")
    agree = serializers.BooleanField(
        help_text="Must be true: staff look at the document to check the age, and it is deleted with the"
        " decision"
    )
