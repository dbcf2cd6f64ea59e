"""Limits on the length of functions and files: STYLE.md section 4."""

from __future__ import annotations

import ast
import statistics
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = (".venv", "var", "node_modules", "migrations")
MEDIAN, NINE_IN_TEN, MOST, FILE = 6, 16, 40, 400  # lines: three limits for functions, one for files


@cache
def sources() -> list[Path]:
    tops = [p for p in ROOT.iterdir() if p.is_dir() and p.name not in ELSEWHERE]  # .venv is not walked
    found = [p for top in tops for p in top.rglob("*.py") if not {*p.relative_to(ROOT).parts} & {*ELSEWHERE}]
    assert len(found) > 200
    return found


@cache
def functions(path: Path) -> list[tuple[int, str]]:
    """(lines, where and which) of each function in a file."""
    nodes = ast.walk(ast.parse(path.read_text()))
    found = [n for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [
        ((n.end_lineno or n.lineno) - n.lineno + 1, f"{path.relative_to(ROOT)}:{n.lineno} {n.name}")
        for n in found
    ]


def test_functions_are_short() -> None:
    sizes = sorted(size for path in sources() for size, _ in functions(path))
    assert statistics.median(sizes) <= MEDIAN
    assert sizes[int(0.9 * len(sizes))] <= NINE_IN_TEN


def test_no_function_is_long() -> None:
    assert [f"{where}: {size}" for path in sources() for size, where in functions(path) if size > MOST] == []


def test_no_file_is_long() -> None:
    sizes = [(len(path.read_text().splitlines()), path.relative_to(ROOT)) for path in sources()]
    assert [f"{path}: {size}" for size, path in sizes if size > FILE] == []
