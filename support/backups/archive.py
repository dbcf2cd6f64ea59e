"""The folder of backups, as it lies on the disk. Knows no Django: a restore reads it without a database.

base/TIME/       the database as it was at the end of a base backup, with PostgreSQL's manifest
wal/             its log since then, a compressed file for 16 MiB (config/start/archive.sh)
files/NAME/      the files of the product as they are now: sealed files, public copies, tombstones
gone/DAY/NAME/   those that were deleted or replaced on that day
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

STAMP = "%Y%m%dT%H%M%S.%fZ"  # of a base backup: from this moment on it can be restored
SEGMENT = 16 * 1024 * 1024  # bytes of the log in one file
SEGMENTS = 0x1_0000_0000 // SEGMENT  # files with the same middle part of their name
# Timeline, number in two parts, and what names no file of the log itself (.backup, .partial).
LOG = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(\..+)?\.gz")
BLOCK = 1024 * 1024


class BackupError(Exception):
    """A backup cannot be made or used; the sentence says what to do."""


class UnderWay(BackupError):
    """Another process does it."""


@dataclass(frozen=True)
class Base:
    """A base backup."""

    path: Path

    @property
    def at(self) -> datetime:
        return datetime.strptime(self.path.name, STAMP).replace(tzinfo=UTC)

    @property
    def manifest(self) -> dict[str, Any]:
        """Raises BackupError when it is damaged: its last line is the SHA-256 of the lines before."""
        try:
            text = (self.path / "backup_manifest").read_bytes()
            found = dict(json.loads(text))
            signed = text[: text.rindex(b'"Manifest-Checksum"')]
            good = hashlib.sha256(signed).hexdigest() == found["Manifest-Checksum"]
        except (OSError, ValueError, KeyError):
            good = False
        if not good:
            raise BackupError(f"The manifest of the base backup {self.path} is damaged: take an earlier one.")
        return found

    @property
    def first(self) -> int:
        """The number of the first file of the log that it needs."""
        return min(_number_of(each["Start-LSN"]) for each in self.manifest["WAL-Ranges"])

    def check(self) -> None:
        """Raises BackupError unless every file is as the manifest says, as pg_verifybackup does."""
        for each in self.manifest["Files"]:
            file = self.path / _name(each)
            if not file.is_file() or _digest(file) != each["Checksum"]:
                raise BackupError(f"A file of the base backup is damaged: {file}. Take an earlier one.")


def _name(entry: dict[str, str]) -> str:
    return entry.get("Path") or bytes.fromhex(entry["Encoded-Path"]).decode(errors="surrogateescape")


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _number_of(lsn: str) -> int:
    high, low = (int(part, 16) for part in lsn.split("/"))
    return high * SEGMENTS + low // SEGMENT


def bases(folder: Path) -> list[Base]:
    """The finished base backups, the oldest first."""
    return [Base(path) for path in sorted((folder / "base").glob("*Z"))]


def base_for(folder: Path, moment: datetime | None) -> Base:
    """The newest base backup from which `moment` can be reached. Raises BackupError."""
    known = bases(folder)
    if not known:
        raise BackupError(f"{folder} holds no base backup: is this the folder BACKUPS?")
    usable = [base for base in known if moment is None or base.at <= moment]
    if not usable:
        first = known[0].at.isoformat(timespec="seconds")
        raise BackupError(f"No backup is as old as {moment}: the first is of {first}. Choose a later time.")
    return usable[-1]


# ---------------------------------------------------------------- the log


def segments(folder: Path) -> dict[int, Path]:
    """The files of the log by number. After a restore two may have one number: the later line counts."""
    found = {}
    for path in sorted((folder / "wal").glob("*.gz")):
        match = LOG.fullmatch(path.name)
        if match and not match[4]:
            found[_number(match)] = path
    return found


def check_log(folder: Path, first: int, moment: datetime | None) -> None:
    """Raises BackupError unless the log is whole from file `first` to the one that was archived after
    `moment`, or to its end."""
    known = segments(folder)
    if first not in known:
        raise BackupError(f"The log in {folder / 'wal'} does not reach back to the base backup.")
    for number in range(first, max(known) + 1):
        if number not in known:
            after = known[max(each for each in known if each < number)].name
            raise BackupError(f"The log in {folder / 'wal'} has a gap after {after}: restore to before it.")
        _check_segment(known[number])
        if moment and known[number].stat().st_mtime > moment.timestamp():
            return


def _check_segment(path: Path) -> None:
    size = 0
    try:
        with gzip.open(path) as file:
            while block := file.read(BLOCK):
                size += len(block)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        size = 0
    if size != SEGMENT:
        when = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
        raise BackupError(f"A file of the log is cut or damaged: {path}. Restore to before {when}.")


def old_log(folder: Path, first: int) -> list[Path]:
    """The files of the log that no base backup needs, when the oldest needs those from `first`."""
    found = []
    for path in (folder / "wal").glob("*.gz"):
        match = LOG.fullmatch(path.name)
        if match and _number(match) < first:
            found.append(path)
    return sorted(found)


def log_since(folder: Path, first: int) -> list[Path]:
    """The files of the log from number `first` on, and those that tell of earlier restores."""
    return sorted({*(folder / "wal").glob("*.gz")} - {*old_log(folder, first)})


def _number(match: re.Match[str]) -> int:
    return int(match[2], 16) * SEGMENTS + int(match[3], 16)
