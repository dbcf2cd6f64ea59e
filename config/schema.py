"""OpenAPI: every operation may answer a problem, and says so."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse, inline_serializer
from rest_framework import serializers

Problem = inline_serializer(
    "Problem",
    {
        "type": serializers.CharField(),
        "title": serializers.CharField(),
        "status": serializers.IntegerField(),
        "detail": serializers.CharField(),
        "code": serializers.CharField(),
        "errors": serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False),
    },
)


class Schema(AutoSchema):
    def get_response_serializers(self) -> Any:
        found = super().get_response_serializers()
        answers = found if isinstance(found, dict) else {"200": found}
        return {
            **answers,
            ("default", "application/problem+json"): OpenApiResponse(Problem, description="What went wrong"),
        }
