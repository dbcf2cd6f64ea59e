"""What a base needs from the hub: its repositories, their licences, and the missing files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ml.catalogue import Base, VideoBase
from ml.depot import Cache, Depot, Folder, Record
from ml.errors import MLError
from ml.hub import HubFile, Listing
from ml.local.files import ADAPTER, UNDISTILLED


@dataclass(frozen=True)
class Repository:
    """A repository with files that a base needs.

    In a plain directory its files go into the folder `under`. With `alone`, only the first file is needed,
    and `alone` is its name there.
    """

    name: str
    revision: str | None
    licence: str
    licence_url: str
    patterns: tuple[str, ...]
    alone: str | None = None
    under: str = ""


@dataclass(frozen=True)
class Need:
    """A repository on the hub, and those of its files that are missing here. Sizes in bytes."""

    repository: Repository
    commit: str
    licence: str
    gated: bool
    accepted: bool
    files: tuple[HubFile, ...]
    missing: tuple[HubFile, ...]
    depot: Depot

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def bytes_missing(self) -> int:
        """Bytes still to download: without those that an interrupted fetch has left."""
        return sum(max(0, file.size - size_of(self.depot.part(file))) for file in self.missing)


def wanted(base: Base | VideoBase) -> list[Repository]:
    """The repositories of a base: its own, its training adapter's, and that of the transformer to train."""
    own = Repository(base.source, base.revision, base.licence, base.licence_url, base.files)
    found = [own]
    if base.adapter:
        found.append(
            replace(own, name=base.adapter, revision=None, patterns=("*.safetensors",), alone=ADAPTER)
        )
    if base.undistilled:
        found.append(
            replace(own, name=base.undistilled, revision=None, patterns=("transformer/*",), under=UNDISTILLED)
        )
    return found


def need_of(repository: Repository, listing: Listing, top: Path, cached: bool, record: Record) -> Need:
    files = choose(repository, listing.files)
    depot: Depot = (
        Cache(top, repository.name, repository.revision, listing.commit)
        if cached
        else Folder(top, record, repository.alone, repository.under)
    )
    licence = repository.licence
    if listing.licence and listing.licence.lower() != licence.lower():
        licence = listing.licence  # the licence has changed: the user must accept the new one
    return Need(
        repository,
        listing.commit,
        licence,
        listing.gated,
        record.accepted(repository.name, licence),
        files,
        tuple(file for file in files if not depot.has(file)),
        depot,
    )


def choose(repository: Repository, files: tuple[HubFile, ...]) -> tuple[HubFile, ...]:
    """The files that match the patterns. model_index.json is last, because it makes a directory a complete
    base."""
    for pattern in repository.patterns:
        if not any(fnmatchcase(file.path, pattern) for file in files):
            raise MLError(
                "not_on_hub", f"{repository.name} holds no {pattern}. Check the repository and its revision."
            )
    found = [file for file in files if any(fnmatchcase(file.path, p) for p in repository.patterns)]
    found.sort(key=lambda file: (file.path == "model_index.json", file.path))
    return tuple(found[:1] if repository.alone else found)


def describe(need: Need) -> str:
    """A need in two lines for the user."""
    said = need.repository
    where = f" ({said.licence_url})" if said.licence_url and need.licence == said.licence else ""
    return (
        f"{said.name} at {need.commit[:12]}: {len(need.files)} files, {amount(need.bytes)};"
        f" to be fetched {amount(need.bytes_missing)}{'; gated, needs a token' if need.gated else ''}\n"
        f"  licence {need.licence}{where}{', accepted' if need.accepted else ''}"
    )


def row_of(need: Need) -> dict[str, Any]:
    """A need as a JSON row for programs."""
    return {
        "repository": need.repository.name,
        "commit": need.commit,
        "licence": need.licence,
        "licence_url": need.repository.licence_url,
        "accepted": need.accepted,
        "gated": need.gated,
        "files": len(need.files),
        "bytes": need.bytes,
        "files_missing": len(need.missing),
        "bytes_missing": need.bytes_missing,
    }


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def amount(size: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"
