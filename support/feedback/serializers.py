from __future__ import annotations

from rest_framework import serializers

from config.web.text import TextField


class ProductFeedbackForm(serializers.Serializer):  # type: ignore[type-arg]
    text = TextField(max_length=2000)
    page = TextField(
        max_length=500, required=False, allow_blank=True, help_text="the path of the page that it is about"
    )


class SentSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
