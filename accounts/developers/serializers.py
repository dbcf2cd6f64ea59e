"""API keys as clients see them, and the forms that clients send about them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.developers.models import ApiKey
from accounts.developers.scopes import Scope
from accounts.serializers import ProofForm
from config.web.text import NameField


class ApiKeySerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="the part of the key that is not secret")
    scopes = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="to the minute")
    ends_at = serializers.DateTimeField(allow_null=True, help_text="set once another key has replaced it")


class NewApiKeySerializer(ApiKeySerializer):
    key = serializers.CharField(help_text="the whole key. It is shown this once; keep it in a safe place")


class ApiKeyForm(ProofForm):
    name = NameField(max_length=80)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(Scope.choices), allow_empty=False, max_length=len(Scope)
    )


def show_key(row: ApiKey) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "prefix": f"pf_{row.prefix}",
        "scopes": row.scopes,
        "created_at": row.created_at,
        "last_used_at": row.last_used_at,
        "ends_at": row.ends_at,
    }
