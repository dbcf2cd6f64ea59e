from __future__ import annotations

from rest_framework import serializers


class FeedbackForm(serializers.Serializer):  # type: ignore[type-arg]
    text = serializers.CharField(max_length=2000)
    page = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="the path of the page that it is about"
    )


class SentSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
