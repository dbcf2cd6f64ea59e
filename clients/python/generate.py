"""Makes types.py of the API's description, and synchronous.py of asynchronous.py. A test finds drift.

python clients/python/generate.py openapi.json
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent / "src" / "photoflux"
ROOTS = ("Album", "Engine", "Item", "Job", "Me", "Photo", "Quote", "Training", "Twin")
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
HEAD = '''"""What the API answers. Made by generate.py; do not change it here."""

from __future__ import annotations

from typing import Any, Literal, TypedDict
'''
SYNC = (
    (r"import AsyncIterator, Callable, Mapping", "import Callable, Iterator, Mapping"),
    (r"import asyncio\nimport uuid", "import time\nimport uuid"),
    (r"asyncio\.sleep", "time.sleep"),
    (r"AsyncIterator", "Iterator"),
    (r"AsyncBaseTransport", "BaseTransport"),
    (r"httpx\.AsyncClient", "httpx.Client"),
    (r"AsyncClient", "Client"),
    (r"__aenter__", "__enter__"),
    (r"__aexit__", "__exit__"),
    (r"\baclose\b", "close"),
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r'"""The client\. .*?"""', '"""Made of asynchronous.py by generate.py; do not change it here."""'),
)


def synchronous(text: str) -> str:
    for pattern, new in SYNC:
        text = re.sub(pattern, new, text)
    return text


def types(schemas: Mapping[str, Any]) -> str:
    """A TypedDict for each schema that ROOTS need."""
    names = sorted(set(_needed(ROOTS, schemas)))
    return HEAD + "".join(f"\n\n{_class(name, schemas)}\n" for name in names)


def _needed(names: Any, schemas: Mapping[str, Any], known: tuple[str, ...] = ()) -> Iterator[str]:
    for name in names:
        if name in known:
            continue
        if "properties" in schemas[name]:
            yield name
        refs = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(schemas[name]))
        yield from _needed(refs, schemas, (*known, name))


def _class(name: str, schemas: Mapping[str, Any]) -> str:
    fields = sorted(schemas[name]["properties"].items())  # answers hold all of them
    return "\n".join(
        [f"class {name}(TypedDict):", *(f"    {key}: {_type(part, schemas)}" for key, part in fields)]
    )


def _type(part: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    if ref := part.get("$ref"):
        name = ref.rpartition("/")[2]
        return name if "properties" in schemas[name] else _type(schemas[name], schemas)
    for several in ("allOf", "oneOf", "anyOf"):
        if several in part:
            return " | ".join(dict.fromkeys(_type(each, schemas) for each in part[several]))
    if "enum" in part and part.get("type") != "null":
        return "str" if len(part["enum"]) > 8 else f"Literal[{', '.join(map(json.dumps, part['enum']))}]"
    kinds = part.get("type", "any")
    return " | ".join(_plain(kind, part, schemas) for kind in (kinds if isinstance(kinds, list) else [kinds]))


def _plain(kind: str, part: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    if kind == "array":
        return f"list[{_type(part.get('items', {}), schemas)}]"
    if kind == "object":
        return "dict[str, Any]"
    return PLAIN.get(kind, "Any")


def made(schemas: Mapping[str, Any]) -> dict[Path, str]:
    source = (HERE / "asynchronous.py").read_text()
    return {HERE / "types.py": types(schemas), HERE / "synchronous.py": synchronous(source)}


if __name__ == "__main__":
    for path, text in made(json.loads(Path(sys.argv[1]).read_text())["components"]["schemas"]).items():
        path.write_text(text)
