"""Archives as clients see them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import Export
from config.web.serializers import RunFields, run_fields


class ExportSerializer(RunFields):
    size = serializers.IntegerField()
    expires_at = serializers.DateTimeField(allow_null=True)


def show_export(export: Export) -> dict[str, Any]:
    return run_fields(export) | {"size": export.size, "expires_at": export.expires_at}
