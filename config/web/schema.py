"""The OpenAPI description. Every operation tells its refusals, each a problem (RFC 9457).

Most refusals follow from what a view declares: a body, a path, a limit, a header. `refuses` adds those of its
service. config/web/names.py names the operations; config/web/examples.py makes the examples.
"""

from __future__ import annotations

import functools
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.utils.translation import override
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import exceptions, serializers

from config import errors
from config.errors import DomainError
from config.web.deprecations import rows_of
from config.web.examples import add_examples
from config.web.links import add_links
from config.web.names import operation_name
from config.web.problems import FRAMEWORK_ERRORS, JSON

TEXT = {"type": "string"}
PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457). `code` is stable; `detail` says what to do.",
    "properties": {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "code": TEXT,
        "errors": {
            "type": "object",
            "description": "The sentences about each field",
            "additionalProperties": {"type": "array", "items": TEXT},
        },
    },
    "required": ["type", "title", "status", "detail", "code"],
}

PAGE = [
    OpenApiParameter("cursor", str, description="From `next` or `previous` of another page"),
    OpenApiParameter("limit", int, description="1 to 100"),
]
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
FILE = [
    {"name": name, "in": "header", "schema": TEXT, "description": about}
    for name, about in (
        ("Range", "One range of bytes, as in `bytes=0-1023`"),
        ("If-Range", "The ETag that the range is meant for"),
        ("If-None-Match", "The ETag of the copy that the client has"),
    )
]


class BrowserScheme(OpenApiAuthenticationExtension):
    """The session cookie, with the CSRF token in X-CSRFToken for what changes something."""

    target_class = "config.web.authentication.BrowserAuthentication"
    name = "cookieAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


def refuses(*kinds: type[DomainError]) -> Callable[[Any], Any]:
    """Decorates an API method: the refusals of its service, for the description."""

    def decorate(method: Any) -> Any:
        method.refusals = kinds
        return method

    return decorate


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
    def get_operation_id(self) -> str:
        return operation_name(self.method, self.path)

    def is_deprecated(self) -> bool:
        return bool(rows_of(self.method, self.path))

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        if self.method == "DELETE" and (body := _body_of_delete(self)):
            operation["requestBody"] = body
        if _is_file(operation):
            _describe_file(operation)
        limited = hasattr(self._method(), "limit")
        if limited:
            for answer in _successes(operation):
                answer["headers"] = answer.get("headers", {}) | _headers("RateLimit", "RateLimit-Policy")
        operation["responses"] |= problems(self._refusals(operation))
        return operation

    def _method(self) -> Any:
        return getattr(self.view, self.method.lower())

    def _refusals(self, operation: dict[str, Any]) -> Iterable[type[Exception]]:
        """The errors that this operation can answer, from what it declares."""
        names = {parameter["name"]: parameter["in"] for parameter in operation.get("parameters", [])}
        yield from (errors.NotAuthenticated, errors.ScopeMissing, errors.Unavailable)
        if self.method not in ("GET", "HEAD"):
            yield errors.Forged
        if "requestBody" in operation:
            yield from (errors.Malformed, errors.FileTooLarge)
            yield from (exceptions.UnsupportedMediaType, errors.Invalid)
            if "multipart/form-data" in operation["requestBody"]["content"]:
                yield errors.MissingFile
        if "path" in names.values():
            yield errors.NotFound
        if "query" in names.values():
            yield errors.Invalid
        for header, kind in (
            ("Idempotency-Key", errors.IdempotencyMismatch),
            ("If-Match", errors.ChangedMeanwhile),
            ("Range", errors.RangeNotSatisfiable),
        ):
            if header in names:
                yield kind
        if hasattr(self._method(), "limit"):
            yield errors.RateLimited
        yield from getattr(self._method(), "refusals", ())


def _body_of_delete(schema: Schema) -> Any:
    """The library describes no body of DELETE, but an erasure is proved in one."""
    if schema.get_request_serializer() is None:
        return None
    schema.method = "POST"
    try:
        return schema._get_request_body()
    finally:
        schema.method = "DELETE"


def _code_of(kind: Any) -> tuple[int, str]:
    if issubclass(kind, DomainError):
        return kind.status, kind.code
    return kind.status_code, FRAMEWORK_ERRORS[kind][0]


def problems(kinds: Iterable[type[Exception]]) -> dict[str, Any]:
    """The descriptions of these refusals, by status. Each names its codes."""
    codes: dict[int, set[str]] = defaultdict(set)
    for kind in kinds:
        status, code = _code_of(kind)
        codes[status].add(code)
    return {str(status): _problem(status, sorted(found)) for status, found in sorted(codes.items())}


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    names = ", ".join(f"`{code}`" for code in codes)
    content = {JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answer: dict[str, Any] = {"description": f"Refused: {names}", "content": content}
    if status == errors.RateLimited.status:
        answer["headers"] = _headers("Retry-After", "RateLimit", "RateLimit-Policy")
    return answer


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"schema": TEXT} for name in names}


def _successes(operation: dict[str, Any]) -> list[dict[str, Any]]:
    return [answer for code, answer in operation["responses"].items() if code.startswith("2")]


def _is_file(operation: dict[str, Any]) -> bool:
    content = operation["responses"].get("200", {}).get("content", {})
    return bool(content) and "application/json" not in content


def _describe_file(operation: dict[str, Any]) -> None:
    """A file of the vault (config/web/files.py): whole, in part, or not changed."""
    whole = operation["responses"]["200"]
    whole["description"] = "The whole file"
    whole["headers"] = _headers("ETag", "Accept-Ranges", "Content-Length", "Content-Disposition")
    part = {**whole, "description": "The range", "headers": whole["headers"] | _headers("Content-Range")}
    operation["responses"] |= {"206": part, "304": {"description": "The client's copy is right"}}
    operation["parameters"] = [*operation.get("parameters", []), *FILE]


EVENTS = {
    "get": {
        "operationId": "stream_events",
        "tags": ["events"],
        "description": "Server-sent events: `snapshot`, a list of the runs that are open or ended in the "
        "last day; then each change as `run`, whose id is the run's id and the version of its row; "
        "`credits`, `notices` (how many are unread) and `tickets` (when a conversation with staff changed "
        "last, and how many wait for the user) when they change; `away` when the stream cannot go on and the "
        "client polls (detail `poll`), or when "
        "the user has opened ten newer streams (`too_many`). A stream ends with the session that opened it. "
        "After a reconnect the snapshot comes again, whatever `Last-Event-ID` says.",
        "parameters": [{"name": "Last-Event-ID", "in": "header", "schema": TEXT}],
        "security": [{"tokenAuth": []}, {"XSessionTokenAuth": []}, {"cookieAuth": []}],
        "responses": {
            "200": {
                "description": "Lines of `event`, `id` and `data`, each `data` one JSON value",
                "content": {
                    "text/event-stream": {"schema": TEXT, "example": "event: snapshot\ndata: []\n\n"}
                },
            },
            **problems([errors.NotAuthenticated, errors.ScopeMissing, errors.Unavailable]),
        },
    }
}  # written by hand, as the view is async and no APIView


@functools.cache
def document(language: str) -> tuple[bytes, str]:
    """The whole description in a language, and its ETag. It is built once a process."""
    with override(language):
        found = SchemaGenerator().get_schema(public=True)
        found["components"]["schemas"]["Problem"] = PROBLEM
        found["paths"]["/api/v1/events"] = EVENTS
        add_examples(found)
        add_links(found)
        data = OpenApiJsonRenderer().render(found)
    return data, f'"{hashlib.sha256(data).hexdigest()}"'
