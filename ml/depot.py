"""Where fetched files are stored: in the cache of the hub's libraries, or in a plain directory.

A file gets its final name only when it is complete.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from ml.errors import MLError
from ml.hub import HubFile
from ml.local.whole import damage, read_json

RECORD = "photoflux.json"


class Depot(Protocol):
    """The storage of one repository at one commit."""

    def has(self, file: HubFile) -> bool: ...

    def part(self, file: HubFile) -> Path:
        """The file that collects the bytes during a download.

        Its name contains the etag, so that the next run can resume it.
        """

    def keep(self, file: HubFile) -> None:
        """Gives the part its final name. The caller has checked that it is complete."""

    def finish(self, files: Iterable[HubFile]) -> None:
        """Called when all files are here."""


class Record:
    """A JSON file in the same folder: the accepted licences, and the files of a plain directory."""

    def __init__(self, folder: Path):
        self.path = folder / RECORD
        found = read_json(self.path) or {}
        self.licences: list[dict[str, str]] = found.get("licences", [])
        self.files: dict[str, str] = found.get("files", {})  # name -> the hub's etag

    def accepted(self, repository: str, licence: str) -> bool:
        return any((x["repository"], x["licence"]) == (repository, licence) for x in self.licences)

    def accept(self, repository: str, licence: str, revision: str) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.licences.append(
            {"repository": repository, "licence": licence, "revision": revision, "accepted": now}
        )
        self.save()

    def save(self) -> None:
        aside = self.path.with_name(f"{RECORD}.part")
        aside.write_text(json.dumps({"licences": self.licences, "files": self.files}, indent=1))
        aside.replace(self.path)


def fits(path: Path, file: HubFile) -> bool:
    """Whether `path` has the file's size, and the size that its own header states."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    return not (file.path.endswith(".safetensors") and damage(path))


class Cache:
    """The layout of huggingface_hub's cache: blobs by etag, a snapshot of links per commit, a ref per
    branch.

    The snapshot is made when all files are here, so a half-fetched base counts as missing, not as broken.
    """

    def __init__(self, top: Path, repository: str, revision: str | None, commit: str):
        self.folder = top / f"models--{repository.replace('/', '--')}"
        self.revision, self.commit = revision or "main", commit

    def has(self, file: HubFile) -> bool:
        return fits(self._blob(file), file) or fits(self._link(file), file)

    def part(self, file: HubFile) -> Path:
        return self._blob(file).with_name(f"{file.etag}.incomplete")

    def keep(self, file: HubFile) -> None:
        self.part(file).replace(self._blob(file))

    def finish(self, files: Iterable[HubFile]) -> None:
        for file in files:
            link, blob = self._link(file), self._blob(file)
            if fits(link, file):
                continue
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(Path(*[".."] * (2 + file.path.count("/"))) / blob.relative_to(self.folder))
        if self.revision != self.commit:
            ref = self.folder / "refs" / self.revision
            ref.parent.mkdir(parents=True, exist_ok=True)
            ref.write_text(self.commit)

    def _blob(self, file: HubFile) -> Path:
        return self.folder / "blobs" / file.etag

    def _link(self, file: HubFile) -> Path:
        return self.folder / "snapshots" / self.commit / file.path


class Folder:
    """A plain directory that can be a base's source.

    `alone` is the new name of a repository's only file, `under` a subfolder for its files.
    """

    def __init__(self, folder: Path, record: Record, alone: str | None = None, under: str = ""):
        self.folder, self.record, self.alone, self.under = folder, record, alone, under

    def has(self, file: HubFile) -> bool:
        """A file from another source counts if its checksum is right, which is computed once."""
        path = self._path(file)
        if not fits(path, file):
            return False
        return self.record.files.get(self._name(file)) == file.etag or file.fingerprint(path) == file.etag

    def part(self, file: HubFile) -> Path:
        return self._path(file).with_name(f"{self._path(file).name}.{file.etag[:12]}.incomplete")

    def keep(self, file: HubFile) -> None:
        self.part(file).replace(self._path(file))
        self._note([file])

    def finish(self, files: Iterable[HubFile]) -> None:
        self._note(files)

    def _note(self, files: Iterable[HubFile]) -> None:
        self.record.files.update({self._name(file): file.etag for file in files})
        self.record.save()

    def _name(self, file: HubFile) -> str:
        return self.alone or str(Path(self.under) / file.path)

    def _path(self, file: HubFile) -> Path:
        return self.folder / self._name(file)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[Any]:
    """Allows one fetch at a time into a folder: two would write to the same part."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".photoflux.lock").open("w") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MLError(
                "fetch_running", f"Another fetch into {folder} is under way. Wait until it has ended."
            ) from None
        yield
