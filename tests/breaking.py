"""What a newer OpenAPI document takes away from the clients of an older one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from config.web.deprecations import Deprecation


class Surface(NamedTuple):
    """Facts in words, each beginning with its operation: "POST /twins > body.name" is taken by a request,
    "GET /twins < results.name" is in an answer."""

    offers: set[str]  # operations, what requests may hold, what answers hold
    needs: set[str]  # what requests must hold


def surface(document: Mapping[str, Any]) -> Surface:
    offers, needs = set(), set()
    schemas = document.get("components", {}).get("schemas", {})
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            offers.add(name)
            for fact, required in (*_asked(operation, schemas), *_answered(operation, schemas)):
                offers.add(f"{name} {fact}")
                if required:
                    needs.add(f"{name} {fact}")
    return Surface(offers, needs)


def breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What went, and what requests must hold that they need not before."""
    before, now = surface(old), surface(new)
    asked = {fact for fact in now.needs - before.needs if _operation(fact) in before.offers}
    return sorted(f"gone: {fact}" for fact in before.offers - now.offers) + sorted(
        f"newly required: {fact}" for fact in asked
    )


def unexcused(found: list[str], table: Mapping[str, Deprecation], today: date) -> list[str]:
    """Those that no row of the table announces, or whose day has not come."""
    over = [name for name, row in table.items() if row.sunset <= today]
    return [each for each in found if not any(_is_of(each.partition(": ")[2], name) for name in over)]


def _is_of(fact: str, name: str) -> bool:
    return fact == name or fact.startswith((f"{name} ", f"{name}."))


def _operation(fact: str) -> str:
    return " ".join(fact.split(" ")[:2])


Fact = tuple[str, bool]  # in words, and whether a request must hold it


def _asked(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[Fact]:
    for each in operation.get("parameters", []):
        name, must = f"> {each['in']}.{each['name']}", each.get("required", False)
        yield name, must
        yield from ((fact, False) for fact, _must in _fields(each["schema"], schemas, name))
    body = operation.get("requestBody", {})
    for kind, content in body.get("content", {}).items():
        yield f"> {kind}", False
        yield from _fields(content.get("schema", {}), schemas, "> body")


def _answered(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[Fact]:
    for status, answer in operation["responses"].items():
        if status < "400":
            yield f"< {status}", False
            for content in answer.get("content", {}).values():
                for fact, _must in _fields(content.get("schema", {}), schemas, "<"):
                    yield fact, False


def _types(schema: Mapping[str, Any]) -> list[str]:
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def _fields(
    schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str, within: tuple[str, ...] = ()
) -> Iterator[Fact]:
    if ref := schema.get("$ref"):
        if ref not in within:
            yield from _fields(schemas[ref.rpartition("/")[2]], schemas, name, (*within, ref))
        return
    for part in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        yield from _fields(part, schemas, name, within)
    yield from ((f"{name} = {value}", False) for value in schema.get("enum", ()))
    yield from ((f"{name} is {kind}", False) for kind in _types(schema))
    if "items" in schema:
        yield from _fields(schema["items"], schemas, name, within)
    for key, part in schema.get("properties", {}).items():
        inner = f"{name} {key}" if name == "<" else f"{name}.{key}"
        yield inner, key in schema.get("required", ())
        yield from _fields(part, schemas, inner, within)
