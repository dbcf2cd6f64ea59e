"""Uploads as clients see them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from twins.uploads.headers import parse
from twins.uploads.models import Upload


class UploadSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    twin = serializers.UUIDField()
    offset = serializers.IntegerField(help_text="bytes that have arrived")
    length = serializers.IntegerField(help_text="bytes that were announced")
    file_name = serializers.CharField()
    photo = serializers.UUIDField(allow_null=True, help_text="the photo that it became; it has the same id")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


def show_upload(upload: Upload) -> dict[str, Any]:
    return {
        "id": upload.id,
        "twin": upload.twin_id,
        "offset": upload.offset,
        "length": upload.length,
        "file_name": parse(upload.metadata).get("filename", ""),
        "photo": upload.id if upload.done_at else None,
        "created_at": upload.created_at,
        "expires_at": upload.expires_at,
    }
