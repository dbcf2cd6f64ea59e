"""Who may import whom: each floor of the house only what lies to its left."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("accounts", "billing", "moderation", "twins", "gallery", "generation")
FLOORS = ("ml", "config", *APPS)
ROOF = {"config/urls.py", "config/celery.py", "config/asgi.py"}
DOOR = "config/studio.py"  # the one file that may open ml's door
TORCH_FREE = {"types", "errors", "safety", "media", "provenance", "wordlists", "fetch"}
INSIDE = ("models", "tasks", "services", "api")  # of an app; each may use what comes before it


def sources() -> Iterator[Path]:
    for floor in FLOORS:
        yield from sorted(p for p in (ROOT / floor).rglob("*.py") if "migrations" not in p.parts)


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """(dotted name, line) of everything that is imported, with names from a package written out."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def fault(path: Path, name: str) -> str:
    """Why this import is not allowed; "" when it is."""
    here, (floor, *rest) = path.relative_to(ROOT), name.split(".")
    if floor not in FLOORS or str(here) in ROOF:
        return ""
    own = here.parts[0]
    if FLOORS.index(floor) > FLOORS.index(own):
        return f"{floor} lies to the right of {own}"
    if floor == "ml" and own != "ml" and rest and rest[0] not in TORCH_FREE and str(here) != DOOR:
        return f"ml.{rest[0]} is behind the door"
    if own in APPS and floor == own and here.stem in INSIDE and rest and rest[0] in INSIDE:
        mine, theirs = INSIDE.index(here.stem), INSIDE.index(rest[0])
        if theirs > mine or (here.stem == "tasks" and rest[0] == "services"):
            return f"{here.stem} may not use {rest[0]} of its own app"
    return ""


def test_every_import_goes_left() -> None:
    faults = [
        f"{path.relative_to(ROOT)}:{line}: {name}: {why}"
        for path in sources()
        for name, line in imports(path)
        if (why := fault(path, name))
    ]
    assert faults == []


@pytest.mark.parametrize("module", ["config.asgi", "config.urls"])
def test_the_web_process_has_no_torch(module: str) -> None:
    """In a process of its own, as this one has loaded all sorts of things."""
    program = (
        "import django, importlib, sys; django.setup();"
        f"importlib.import_module({module!r});"
        "found = {'torch', 'diffusers', 'transformers'} & set(sys.modules); sys.exit(', '.join(found) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
