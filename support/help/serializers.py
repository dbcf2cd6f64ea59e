from __future__ import annotations

from rest_framework import serializers

from config.web.text import TextField

MOST = 200  # signs of a search


class SearchForm(serializers.Serializer):  # type: ignore[type-arg]
    q = TextField(max_length=MOST, allow_blank=True)


class VoteForm(serializers.Serializer):  # type: ignore[type-arg]
    helpful = serializers.BooleanField()
    text = TextField(max_length=1000, required=False, allow_blank=True)
