"""The webhooks in the API's description: what is sent to a program's endpoint."""

from __future__ import annotations

from typing import Any

from accounts.developers.models import Event
from accounts.developers.webhooks import TEST

TEXT, TIME = {"type": "string"}, {"type": "string", "format": "date-time"}
ERROR = {"type": ["object", "null"], "properties": {"code": TEXT}, "required": ["code"]}
MESSAGE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": [*Event.values, TEST]},
        "timestamp": TIME,
        "data": {
            "type": "object",
            "properties": {
                "id": {"type": "string", "format": "uuid", "description": "Of the run that ended"},
                "kind": TEXT,
                "status": TEXT,
                "error": ERROR,
                "created_at": TIME,
                "finished_at": {**TIME, "type": ["string", "null"]},
            },
            "required": ["id", "kind", "status"],
        },
    },
    "required": ["type", "timestamp", "data"],
}
SIGNED = [
    {"name": name, "in": "header", "required": True, "schema": TEXT, "description": about}
    for name, about in (
        ("webhook-id", "The same at every try and replay of one message"),
        ("webhook-timestamp", "Seconds since 1970"),
        (
            "webhook-signature",
            "`v1,` and a base64 of HMAC-SHA-256, as Standard Webhooks says; several with spaces",
        ),
    )
]
ANSWERS = {
    "2XX": {"description": "Taken. Anything else is a failure, and is tried again for three days."},
    "410": {"description": "The endpoint wants no more: the webhook is turned off."},
}


def add_webhooks(result: dict[str, Any], **_more: Any) -> dict[str, Any]:
    """A hook of drf-spectacular."""
    result["components"]["schemas"]["WebhookMessage"] = MESSAGE
    named = {event.value: str(event.label) for event in Event} | {TEST: "The test of the settings page"}
    result["webhooks"] = {name: {"post": _operation(name, about)} for name, about in named.items()}
    return result


def _operation(event: str, about: str) -> dict[str, Any]:
    message = {"schema": {"$ref": "#/components/schemas/WebhookMessage"}, "example": example(event)}
    return {
        "operationId": f"on_{event.replace('.', '_')}",
        "tags": ["webhooks"],
        "summary": about,
        "parameters": SIGNED,
        "requestBody": {"required": True, "content": {"application/json": message}},
        "responses": ANSWERS,
    }


def example(event: str) -> dict[str, Any]:
    kind, _dot, status = event.partition(".")
    data = {
        "id": "0b0e9b1e-6a37-4d5e-9f0c-2f4f3c1f7a10",
        "kind": {"generation": "image", "webhook": "test"}.get(kind, kind),
        "status": "succeeded" if event == TEST else status,
    }
    if event != TEST:
        code = {"code": "internal"} if status == "failed" else None
        data |= {"error": code, "created_at": "2026-11-29T17:59:20Z", "finished_at": "2026-11-29T18:00:00Z"}
    return {"type": event, "timestamp": "2026-11-29T18:00:00Z", "data": data}
