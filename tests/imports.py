"""Reads the imports of a tree of Python files with `ast`, without importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

DYNAMIC = ("import_module", "__import__")  # calls that import a name computed at run time


@dataclass(frozen=True)
class Import:
    module: str  # the importing module, dotted
    target: str  # the imported module, dotted; outside the tree `from a import b` gives a.b
    line: int
    hidden: bool  # inside a function
    typing: bool  # for annotations only, under `if TYPE_CHECKING`

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def modules(root: Path, tops: Iterable[str]) -> dict[str, Path]:
    """Dotted name -> file of all modules in the packages `tops`, without migrations."""
    found = {}
    for top in tops:
        for path in sorted((root / top).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if "migrations" not in parts:
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def read(root: Path, tops: Iterable[str]) -> list[Import]:
    """Every import in the packages `tops`, by module and line."""
    known = modules(root, tops)
    ours = {name.split(".")[0] for name in known}
    found = (one for name, path in known.items() for one in _imports(name, path, known, ours))
    return list(dict.fromkeys(found))  # `from a import b, c` may name one module twice


def _imports(module: str, path: Path, known: dict[str, Path], ours: set[str]) -> Iterator[Import]:
    for node, hidden, typing in _walk(ast.parse(path.read_text()), False, False):
        for target in _targets(node):
            while target not in known and "." in target and target.split(".")[0] in ours:
                target = target.rpartition(".")[0]  # a name in a module counts as the module
            yield Import(module, target, node.lineno, hidden, typing)


def _walk(node: ast.AST, hidden: bool, typing: bool) -> Iterator[tuple[ast.stmt | ast.expr, bool, bool]]:
    """Yields (statement or expression, is it in a function, is it under TYPE_CHECKING)."""
    inside = hidden or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    annotations = typing or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.stmt, ast.expr)):
            yield child, inside, annotations
        yield from _walk(child, inside, annotations)


def _targets(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and _last_name(node.func) in DYNAMIC:
        return ["(a name made at run time)"]
    return []


def _last_name(called: ast.expr) -> str:
    """Of `a.b.c` the c."""
    return getattr(called, "attr", "") or getattr(called, "id", "")


def graph(imports: Iterable[Import]) -> dict[str, set[str]]:
    """Module -> the modules it imports, without imports under TYPE_CHECKING."""
    out: dict[str, set[str]] = {}
    for one in imports:
        if not one.typing and one.target != one.module:
            out.setdefault(one.module, set()).add(one.target)
    return out


def reachable(edges: dict[str, set[str]], start: str) -> set[str]:
    """All modules that `start` imports, directly or through others."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for target in edges.get(waiting.pop(), set()) - seen:
            seen.add(target)
            waiting.append(target)
    return seen


def circles(imports: Iterable[Import]) -> list[str]:
    """Groups of modules that import each other, each as "a <-> b <-> c". Imports in functions count."""
    edges = graph(imports)
    reach = {module: reachable(edges, module) for module in edges}
    rings = {
        tuple(sorted(other for other in reach[m] if m in reach.get(other, set())))
        for m in edges
        if m in reach[m]
    }
    return sorted(" <-> ".join(ring) for ring in rings)


def hidden(imports: Iterable[Import], allowed: Iterable[str]) -> list[str]:
    """Imports inside functions, except those of the libraries and modules `allowed`."""
    late = set(allowed)
    return [str(one) for one in imports if one.hidden and not {one.target, one.target.split(".")[0]} & late]


def rank(module: str, floors: Iterable[Iterable[str]]) -> int | None:
    """The index of a module's floor, by the longest matching prefix; None without a match."""
    found = [
        (len(prefix), i)
        for i, floor in enumerate(floors)
        for prefix in floor
        if module == prefix or module.startswith(f"{prefix}.")
    ]
    return max(found)[1] if found else None


def wrong_way(imports: Iterable[Import], floors: list[tuple[str, ...]]) -> list[str]:
    """Imports of a higher floor, including those under TYPE_CHECKING."""
    out = []
    for one in imports:
        mine, other = rank(one.module, floors), rank(one.target, floors)
        if mine is not None and other is not None and other > mine:
            out.append(str(one))
    return out
