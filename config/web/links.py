"""Links of the OpenAPI description: which operations take the id that an answer gives.

A path that only adds an id to another one, and what lies below it, takes the ids of that one's answers: of
what its POST makes and of the first row that its GET lists. Programs that walk an API read them.
"""

from __future__ import annotations

import re
from typing import Any

PLACES = {"post": ("id", "$response.body#/id"), "get": ("results", "$response.body#/results/0/id")}


def add_links(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, (field, where) in PLACES.items():
            for answer in _answers(methods.get(method, {})):
                if field in _fields(document, answer) and (found := _links(document, path, where)):
                    answer["links"] = found


def _answers(operation: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        answer for status, answer in operation.get("responses", {}).items() if status in ("200", "201", "202")
    ]


def _fields(document: dict[str, Any], answer: dict[str, Any]) -> Any:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    if name := schema.get("$ref", "").rpartition("/")[2]:
        schema = document["components"]["schemas"][name]
    return schema.get("properties", {})


def _links(document: dict[str, Any], path: str, where: str) -> dict[str, Any]:
    """By the name of the operation that each leads to."""
    known = {name: f"$request.path.{name}" for name in _ids(path)}
    found = {}
    for other, methods in document["paths"].items():
        below = re.fullmatch(re.escape(path) + r"/\{(\w+)\}[^{}]*", other)
        for operation in methods.values() if below else ():
            name = operation["operationId"]
            found[name] = {"operationId": name, "parameters": known | {below[1]: where}}
    return found


def _ids(path: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", path)
