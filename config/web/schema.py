"""The OpenAPI description. The default response of every operation is a problem (RFC 9457)."""

from __future__ import annotations

import functools
import hashlib
from typing import Any

from django.utils.translation import override
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

Problem = inline_serializer(
    "Problem",
    {
        "type": serializers.CharField(),
        "title": serializers.CharField(),
        "status": serializers.IntegerField(),
        "detail": serializers.CharField(),
        "code": serializers.CharField(),
        "errors": serializers.DictField(
            child=serializers.ListField(child=serializers.CharField()), required=False
        ),
    },
)


PAGE = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int, description="1 to 100")]
KEY = [
    OpenApiParameter(
        "Idempotency-Key", str, OpenApiParameter.HEADER, description="At most 255 characters; see the guide"
    )
]
MATCH = [
    OpenApiParameter(
        "If-Match", str, OpenApiParameter.HEADER, description="The ETag that the change is meant for"
    )
]


@functools.cache
def paged(row: type[serializers.Serializer]) -> Any:  # type: ignore[type-arg]
    """The serializer of a page of these rows."""
    link = {"allow_null": True, "required": True}
    return inline_serializer(
        f"{row.__name__.removesuffix('Serializer')}Page",
        {
            "next": serializers.URLField(**link),
            "previous": serializers.URLField(**link),
            "results": row(many=True),
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


EVENTS = {
    "get": {
        "operationId": "v1_events",
        "tags": ["v1"],
        "description": "Server-sent events: `snapshot`, a list of the runs that are open or ended in the "
        "last day; then each change as `run`, whose id is the run's id and the version of its row; `credits` "
        "when they change; `away` when the stream cannot go on and the client polls (detail `poll`), or when "
        "the user has opened ten newer streams (`too_many`). A stream ends with the session that opened it. "
        "After a reconnect the snapshot comes again, whatever `Last-Event-ID` says.",
        "parameters": [{"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}}],
        "responses": {
            "200": {"description": "", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            "default": {
                "description": "What went wrong",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    }
}  # written by hand, as the view is async and no APIView


@functools.cache
def document(language: str) -> tuple[bytes, str]:
    """The whole description in a language, and its ETag. It is built once a process."""
    with override(language):
        found = SchemaGenerator().get_schema(public=True)
        found["paths"]["/api/v1/events"] = EVENTS
        data = OpenApiJsonRenderer().render(found)
    return data, f'"{hashlib.sha256(data).hexdigest()}"'
