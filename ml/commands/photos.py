"""Inspects photos from the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml.errors import MLError
from ml.faces import settle
from ml.judge import Judge
from ml.types import Inspection

Say = Callable[[str], None]


def inspect_all(judge: Judge, paths: list[Path], say: Say) -> tuple[list[dict[str, Any]], list[Inspection]]:
    """(a row per photo, the verdicts on the accepted photos). MLError `no_such_file`; `other_person` when
    no person is on two thirds of the photos."""
    files = [read(path) for path in paths]
    verdicts: list[Inspection] = []
    for path, data in zip(paths, files):
        verdicts.append(judge.inspect(data, verdicts))
        say(_line(path, verdicts[-1]))
    for i in settle(verdicts, lambda i, others: judge.inspect(files[i], others)):
        say(_line(paths[i], verdicts[i]))
    return [_row(p, v) for p, v in zip(paths, verdicts)], [v for v in verdicts if v.accepted]


def read(path: Path) -> bytes:
    if not path.is_file():
        raise MLError("no_such_file", f"There is no file {path}.")
    return path.read_bytes()


def _line(path: Path, said: Inspection) -> str:
    why = f"  {said.code}: {said.detail}" if said.code else ""
    return f"{'accepted' if said.accepted else 'refused':9} {path}{why}"


def _row(path: Path, said: Inspection) -> dict[str, Any]:
    return {
        "path": str(path),
        "accepted": said.accepted,
        "code": said.code,
        "detail": said.detail,
        "box": said.box,
        "hints": said.hints,
    }
