"""Copies of files that are never changed in place: a name is written aside and renamed, or deleted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

NEW = ".new"  # of the file that is being copied


def mirror(source: Path, copy: Path, gone: Path | None) -> int:
    """Makes `copy` hold what `source` holds, and returns how many files were copied. What is no longer in the
    source, and what another file has replaced, is moved to `gone`; without it, it stays."""
    before, count = dict(_files(copy)), 0
    for name, facts in _files(source):
        known = before.pop(name, None)
        if known == facts:
            continue
        if known and gone:
            _move(copy / name, gone / name)
        with suppress(FileNotFoundError):  # deleted meanwhile
            copy_file(source / name, copy / name)
            count += 1
    if gone:
        for name in before:
            _move(copy / name, gone / name)
    return count


def add(source: Path, target: Path) -> None:
    """Copies the files that `target` does not hold."""
    for name, _facts in _files(source):
        if not (target / name).exists():
            copy_file(source / name, target / name)


def copy_file(source: Path, target: Path) -> None:
    """Writes aside, syncs and renames; keeps the time of the last change, by which the next run knows it."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = target.with_name(NEW)
    shutil.copy2(source, aside)
    with aside.open("rb+") as file:
        os.fsync(file.fileno())
    aside.replace(target)


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.replace(target)


def _files(folder: Path, under: str = "") -> Iterator[tuple[str, tuple[int, int]]]:
    """(name, (size, time of the last change)) of all finished files."""
    with suppress(FileNotFoundError), os.scandir(folder / under) as entries:
        for entry in entries:
            name = f"{under}/{entry.name}" if under else entry.name
            if entry.name.startswith("."):  # not finished
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files(folder, name)
            else:
                facts = entry.stat(follow_symlinks=False)
                yield name, (facts.st_size, facts.st_mtime_ns)
