"""Writes the API's description of a release to docs/openapi-released.json. Tests compare with it."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.web.schema import document

FILE = settings.BASE_DIR / "docs" / "openapi-released.json"
WORDS = ("description", "summary", "example", "title")


class Command(BaseCommand):
    help = "Run it with each release. Afterwards nothing of this API may go without a row in deprecations.py."

    def handle(self, *args: Any, **options: Any) -> None:
        FILE.write_text(compact(json.loads(document("en")[0])))
        self.stdout.write(f"written to {FILE.relative_to(settings.BASE_DIR)}\n")


def compact(found: dict[str, Any]) -> str:
    """Without words and refusals; a line for each path and schema, so that differences can be read."""
    for operation in (each for methods in found["paths"].values() for each in methods.values()):
        answers = operation["responses"].items()
        operation["responses"] = {status: answer for status, answer in answers if status < "400"}
    head = {"openapi": found["openapi"], "info": {"title": found["info"]["title"], "version": "1"}}
    paths, schemas = _lines(found["paths"]), _lines(found["components"]["schemas"])
    return f'{json.dumps(head)[:-1]}, "paths": {paths}, "components": {{"schemas": {schemas}}}}}\n'


def _lines(parts: dict[str, Any]) -> str:
    rows = (f"{json.dumps(name)}: {json.dumps(bare(each), sort_keys=True)}" for name, each in parts.items())
    return "{\n" + ",\n".join(rows) + "}"


def bare(part: Any, *, names: bool = False) -> Any:
    """`names`: the keys are names of fields, and not words of OpenAPI."""
    if isinstance(part, list):
        return [bare(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: bare(value, names=key == "properties")
        for key, value in part.items()
        if names or key not in WORDS
    }
