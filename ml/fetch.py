"""Fetching what a base needs: what it is and under which licence, room on the disk, bytes, checksums.

The one place where this program goes to the hub for models; everything else finds what lies here (`bases.find`).
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import constants

from ml.catalogue import Base, base_of
from ml.depot import Cache, Depot, Folder, Record, locked
from ml.errors import MLError
from ml.hub import Hub, HubFile, LineBroken, Listing
from ml.local.files import ADAPTER, UNDISTILLED, find, find_adapter, find_undistilled

WAITS = (1.0, 2.0, 4.0)  # seconds before another try; a try that brought bytes starts them anew
SPARE = 1.05  # of the bytes that are still missing

OnProgress = Callable[[str, int, int], None]  # a file, its bytes that are here, its bytes
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Repository:
    """One of those that a base needs. In a plain directory its files lie `under` a folder; `alone`: only its first file, under
    this name."""

    name: str
    revision: str | None
    licence: str
    licence_url: str
    patterns: tuple[str, ...]
    alone: str | None = None
    under: str = ""


@dataclass(frozen=True)
class Need:
    """A repository as the hub has it, and what of it is not here. Sizes in bytes."""

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
        """Without what a fetch that was cut has left."""
        return sum(max(0, file.size - size_of(self.depot.part(file))) for file in self.missing)


@dataclass(frozen=True)
class Fetched:
    """What was needed, as rows for programs; `folder` is None where nothing was fetched and the base is not here."""

    profile: str
    folder: str | None
    sources: tuple[dict[str, Any], ...] = ()


def fetch(
    profile: str,
    *,
    into: Path | None = None,
    token: str | None = None,
    accept: Callable[[str], bool] = lambda question: False,
    on_progress: OnProgress = lambda path, done, total: None,
    tell: Tell = lambda text: None,
    dry_run: bool = False,
) -> Fetched:
    """Put what a base needs into the hub's cache, or into the plain directory `into`; what is there already stays.

    `accept` is asked once for each licence. A fetch that was cut goes on where it was. MLError `unknown_base`,
    `licence_not_accepted`, `not_allowed`, `not_on_hub`, `download_cut`, `checksum_wrong`, `disk_full`, `fetch_running`,
    `base_broken` (the hub's own files are not whole).
    """
    base = base_of(profile)
    if Path(base.source).is_dir():
        tell(f"{profile} ships with the program: {base.source}")
        return Fetched(profile, str(find(base)))
    top, hub = into or cache_folder(), Hub(token)
    record = Record(top)
    needs = [
        need_of(repository, listing_of(hub, repository), top, into is None, record)
        for repository in wanted(base)
    ]
    rows = tuple(row_of(need) for need in needs)
    for need in needs:
        tell(describe(need))
    if dry_run:
        return Fetched(profile, None, rows)
    try:
        check_room(top, needs)
        with locked(top):
            agree(needs, record, accept)
            fetch_all(hub, needs, on_progress)
    except OSError as e:
        if e.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise MLError(
            "disk_full", f"The disk of {top} is full. Make room and run this again: it goes on from here."
        ) from e
    folder = check(base, into)
    tell(f"{profile} is here: {folder}")
    return Fetched(profile, str(folder), rows)


def cache_folder() -> Path:
    """Where huggingface_hub looks (HF_HUB_CACHE, else HF_HOME/hub)."""
    return Path(constants.HF_HUB_CACHE)


def wanted(base: Base) -> list[Repository]:
    """The repositories that a base needs: its own, its training adapter's, and that of the transformer to train."""
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


# ---------------------------------------------------------------- what is needed


def listing_of(hub: Hub, repository: Repository) -> Listing:
    for wait in (*WAITS, None):
        try:
            return hub.listing(repository.name, repository.revision)
        except LineBroken as e:
            if wait is None:
                raise MLError(
                    "download_cut",
                    f"The hub {hub.endpoint} cannot be asked ({e}). Check the connection and run this again.",
                ) from e
            time.sleep(wait)
    raise AssertionError


def need_of(repository: Repository, listing: Listing, top: Path, cached: bool, record: Record) -> Need:
    files = choose(repository, listing.files)
    depot: Depot = (
        Cache(top, repository.name, repository.revision, listing.commit)
        if cached
        else Folder(top, record, repository.alone, repository.under)
    )
    licence = repository.licence
    if listing.licence and listing.licence.lower() != licence.lower():
        licence = listing.licence  # it was changed: what the hub says now is what must be accepted
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
    """Those that fit the patterns, model_index.json last: a plain directory without it is not yet a base."""
    for pattern in repository.patterns:
        if not any(fnmatchcase(file.path, pattern) for file in files):
            raise MLError(
                "not_on_hub", f"{repository.name} holds no {pattern}. Check the repository and its revision."
            )
    found = [file for file in files if any(fnmatchcase(file.path, p) for p in repository.patterns)]
    found.sort(key=lambda file: (file.path == "model_index.json", file.path))
    return tuple(found[:1] if repository.alone else found)


def describe(need: Need) -> str:
    said = need.repository
    where = f" ({said.licence_url})" if said.licence_url and need.licence == said.licence else ""
    return (
        f"{said.name} at {need.commit[:12]}: {len(need.files)} files, {amount(need.bytes)}; to be fetched {amount(need.bytes_missing)}"
        f"{'; gated, needs a token' if need.gated else ''}\n"
        f"  licence {need.licence}{where}{', accepted' if need.accepted else ''}"
    )


def row_of(need: Need) -> dict[str, Any]:
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


def check_room(top: Path, needs: list[Need]) -> None:
    missing = sum(need.bytes_missing for need in needs)
    there = next(p for p in (top.absolute(), *top.absolute().parents) if p.exists())
    free = shutil.disk_usage(there).free
    if missing and missing * SPARE > free:
        raise MLError(
            "disk_full",
            f"{amount(round(missing * SPARE))} are needed in {top} and {amount(free)} are free. Make room or choose --into.",
        )


def agree(needs: list[Need], record: Record, accept: Callable[[str], bool]) -> None:
    """Each licence is asked for once; that it was accepted is kept beside the files."""
    for need in needs:
        if need.accepted:
            continue
        name, url = need.repository.name, need.repository.licence_url
        if not accept(f"Do you accept the licence {need.licence} ({url}) of {name}?"):
            raise MLError(
                "licence_not_accepted",
                f"{name} is under the licence {need.licence} ({url}). Read it, then run this again with --accept-licence.",
            )
        record.accept(name, need.licence, need.commit)


# ---------------------------------------------------------------- bytes


def fetch_all(hub: Hub, needs: list[Need], on_progress: OnProgress) -> None:
    for need in needs:
        for file in need.missing:
            fetch_file(hub, need, file, on_progress)
        need.depot.finish(need.files)


def fetch_file(hub: Hub, need: Need, file: HubFile, on_progress: OnProgress) -> None:
    """Gather its bytes, also over several tries and runs, check them, and only then give them their name."""
    part = need.depot.part(file)
    part.parent.mkdir(parents=True, exist_ok=True)
    if size_of(part) > file.size:
        part.unlink()
    part.touch()
    waits = iter(WAITS)
    while (have := size_of(part)) < file.size:
        try:
            go_on(hub, need, file, part, on_progress)
        except LineBroken as e:
            waits = iter(WAITS) if size_of(part) > have else waits
            wait = next(waits, None)
            if wait is None:
                raise MLError(
                    "download_cut",
                    f"{file.path} was cut after {amount(size_of(part))} of {amount(file.size)} ({e}). Run this again: it goes on from there.",
                ) from e
            time.sleep(wait)
    if file.fingerprint(part) != file.etag:
        part.unlink()
        raise MLError(
            "checksum_wrong",
            f"{file.path} of {need.repository.name} has a wrong checksum and was deleted. Run this again.",
        )
    with part.open("rb") as f:
        os.fsync(f.fileno())
    need.depot.keep(file)


def go_on(hub: Hub, need: Need, file: HubFile, part: Path, on_progress: OnProgress) -> None:
    """Append what the hub sends from the part's end on. LineBroken when that is not all."""
    have = size_of(part)
    with (
        hub.reading(need.repository.name, need.commit, file.path, have) as (at, chunks),
        part.open("ab") as out,
    ):
        if at < have:  # the server knows no ranges
            out.truncate(at)
        for chunk in chunks:
            out.write(chunk)
            at += len(chunk)
            on_progress(file.path, at, file.size)
            if at > file.size:
                return  # not the file that was listed: the checksum will say so
    if at < file.size:
        raise LineBroken("the hub ended early")


def check(base: Base, into: Path | None) -> Path:
    """The base as those who load it will find it. MLError `base_broken` when what was fetched is not whole."""
    here = replace(base, source=str(into)) if into else base
    find_adapter(here)
    find_undistilled(here)
    return find(here)


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def amount(size: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"


# ---------------------------------------------------------------- what both command lines share


def add_arguments(parser: Any) -> None:
    parser.add_argument("--into", type=Path, help="a plain directory in the place of the hub's cache")
    parser.add_argument(
        "--token-file", type=Path, help="file with the hub's token (else HF_TOKEN, HF_TOKEN_FILE)"
    )
    parser.add_argument("--accept-licence", action="store_true", help="accept the licences that are shown")
    parser.add_argument("--dry-run", action="store_true", help="say what is needed; fetch nothing")


def run(profile: str, args: Any, tell: Tell) -> Fetched:
    """`fetch` with the arguments of `add_arguments`, a meter, and a person who can be asked."""
    meter = Meter()
    try:
        return fetch(
            profile,
            into=args.into,
            token=token_of(args.token_file),
            accept=(lambda question: True) if args.accept_licence else ask,
            on_progress=meter,
            tell=tell,
            dry_run=args.dry_run,
        )
    finally:
        meter.close()


def token_of(file: Path | None) -> str | None:
    """The hub's token: of the file, HF_TOKEN, HF_TOKEN_FILE, or of `hf auth login`."""
    name = file or (not os.environ.get("HF_TOKEN") and os.environ.get("HF_TOKEN_FILE"))
    if not name:
        return huggingface_hub.get_token()
    try:
        return Path(name).read_text().strip()
    except OSError as e:
        raise MLError("not_allowed", f"The token's file {name} cannot be read: {e.strerror}.") from e


def ask(question: str) -> bool:
    """A person at a terminal; nobody there means no."""
    if not sys.stdin.isatty():
        return False
    print(f"{question} Type yes: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() == "yes"


class Meter:
    """A line a file on standard error: its share and bytes a second on a terminal, else only its name."""

    def __init__(self) -> None:
        self.path, self.began, self.start, self.shown = "", 0.0, 0, 0.0

    def __call__(self, path: str, done: int, total: int) -> None:
        now = time.monotonic()
        if path != self.path:
            self.close()
            self.path, self.began, self.start, self.shown = path, now, done, 0.0
            if not sys.stderr.isatty():
                print(f"{path} {amount(total)}", file=sys.stderr, flush=True)
        if sys.stderr.isatty() and (now - self.shown > 0.2 or done >= total):
            speed = round((done - self.start) / max(now - self.began, 1e-3))
            print(
                f"\r{path:60} {done / total:4.0%} of {amount(total):9} {amount(speed)}/s   ",
                end="",
                file=sys.stderr,
                flush=True,
            )
            self.shown = now

    def close(self) -> None:
        if self.path and sys.stderr.isatty():
            print(file=sys.stderr)
