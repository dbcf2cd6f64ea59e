"""An example for every JSON body of the API's description, made from its schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

ID = "0b0e9b1e-6a37-4d5e-9f0c-2f4f3c1f7a10"
FORMATS = {
    "uuid": ID,
    "date-time": "2026-11-01T09:30:00Z",
    "date": "1990-04-12",
    "uri": "https://photoflux.example/api/v1/twins?cursor=WzAs",
    "email": "ana@example.com",
    "binary": "",
}
# What people understand better than "text".
FIELDS = {
    "name": "Ana",
    "prompt": "smiling in a park, soft light",
    "zone": "Europe/Madrid",
    "phone": "+34612345678",
    "country": "ES",
    "code": "not_found",
    "text": "What I want to say about it.",
    "password": "correct horse battery",
    "status": "queued",
}


def add_examples(found: dict[str, Any]) -> None:
    """Adds an `example` to each JSON request and answer of the document that has none."""
    schemas = found["components"]["schemas"]
    for operation in (each for methods in found["paths"].values() for each in methods.values()):
        for media_type, content in _contents(operation):
            if media_type == "application/json":
                content.setdefault("example", example_of(content["schema"], schemas))


def _contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from operation.get("requestBody", {}).get("content", {}).items()
    for answer in operation["responses"].values():
        yield from answer.get("content", {}).items()


def example_of(schema: dict[str, Any], schemas: dict[str, Any], name: str = "") -> Any:
    """A value that the schema allows."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name)
    for several in ("allOf", "oneOf", "anyOf"):
        if several in schema:
            return example_of(schema[several][0], schemas, name)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    return _value(kind, schema, schemas, name)


def _value(kind: str, schema: dict[str, Any], schemas: dict[str, Any], name: str) -> Any:
    if kind == "object":
        return {key: example_of(part, schemas, key) for key, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [example_of(schema["items"], schemas, name)]
    if kind == "string":
        return FORMATS.get(schema.get("format", "")) or FIELDS.get(name, "text")[: schema.get("maxLength")]
    return {"integer": max(1, schema.get("minimum", 1)), "number": 0.5, "boolean": True}.get(kind)
