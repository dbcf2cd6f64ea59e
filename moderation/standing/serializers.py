"""The shapes of a person's standing."""

from __future__ import annotations

from rest_framework import serializers

from accounts.standing.models import Suspension
from config.web.text import TextField
from moderation.standing.rules import RULES


class SuspensionSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    reason = serializers.CharField(help_text=", ".join(Suspension.Reason.values))
    detail = serializers.CharField(help_text="The reason in words")
    text = serializers.CharField(help_text="What staff wrote; may be empty")
    at = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True, help_text="null: for good")
    appealed_at = serializers.DateTimeField(allow_null=True)
    answered_at = serializers.DateTimeField(allow_null=True)
    answer = serializers.CharField(help_text="Of staff to the appeal; may be empty")


class StrikeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    rule = serializers.ChoiceField(list(RULES))
    detail = serializers.CharField(help_text="The rule in words")
    text = serializers.CharField(help_text="What staff wrote; may be empty")
    at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="From then on it does not count")


class StandingSerializer(serializers.Serializer):  # type: ignore[type-arg]
    suspended = serializers.BooleanField()
    suspension = SuspensionSerializer(allow_null=True)
    strikes = StrikeSerializer(many=True, help_text="Those that count now")
    limit = serializers.IntegerField(help_text="So many strikes suspend the account")


class SuspensionAppealForm(serializers.Serializer):  # type: ignore[type-arg]
    text = TextField(min_length=10, max_length=2000)
