"""Fetches a base's files from the hub; checks licences, disk space, sizes and checksums.

Only this module downloads models; all other code uses the files on disk (`ml.local.files.find`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import constants

from ml.catalogue import Base, VideoBase, fetched_of, refuse_hosted
from ml.depot import Record, locked
from ml.errors import MLError
from ml.hub import ConnectionBroken, HubFile, Listing, ModelHub
from ml.local.files import find, find_adapter, find_undistilled
from ml.needs import Need, Repository, amount, describe, need_of, row_of, size_of, wanted

WAITS = (1.0, 2.0, 4.0)  # seconds before each retry; a try that received bytes starts the list again
SPARE = 1.05  # free disk space needed, as a multiple of the missing bytes

OnProgress = Callable[[str, int, int], None]  # a file, the number of its bytes that are here, its size
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Fetched:
    """The needed repositories, as rows for programs. `folder` is None after a dry run."""

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
    """Puts a base's files into the hub's cache, or into the plain directory `into`. Keeps existing files.

    Calls `accept` once for each licence. Resumes an interrupted fetch. Raises MLError
    `unknown_base`, `licence_not_accepted`, `not_allowed`, `not_on_hub`, `download_cut`, `checksum_wrong`,
    `disk_full`, `fetch_running`, `base_broken` (the hub's own files are incomplete).
    """
    base = fetched_of(profile)
    refuse_hosted(base)
    if Path(base.source).is_dir():
        tell(f"{profile} ships with the program: {base.source}")
        return Fetched(profile, str(find(base)))
    top, hub = into or cache_folder(), ModelHub(token)
    record = Record(top)
    needs = [need_of(r, listing_of(hub, r), top, into is None, record) for r in wanted(base)]
    for need in needs:
        tell(describe(need))
    rows = tuple(row_of(need) for need in needs)
    if dry_run:
        return Fetched(profile, None, rows)
    with full_disk_named(top):
        check_room(top, needs)
        with locked(top):
            agree(needs, record, accept)
            fetch_all(hub, needs, on_progress)
    folder = check(base, into)
    tell(f"{profile} is here: {folder}")
    return Fetched(profile, str(folder), rows)


@contextlib.contextmanager
def full_disk_named(top: Path) -> Iterator[None]:
    """Turns the system's error for a full disk into MLError `disk_full`."""
    try:
        yield
    except OSError as e:
        if e.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise MLError(
            "disk_full", f"The disk of {top} is full. Make room and run this again: it resumes from here."
        ) from e


def cache_folder() -> Path:
    """huggingface_hub's cache folder (HF_HUB_CACHE, else HF_HOME/hub)."""
    return Path(constants.HF_HUB_CACHE)


def listing_of(hub: ModelHub, repository: Repository) -> Listing:
    for wait in (*WAITS, None):
        try:
            return hub.listing(repository.name, repository.revision)
        except ConnectionBroken as e:
            if wait is None:
                raise MLError(
                    "download_cut",
                    f"The hub {hub.endpoint} cannot be asked ({e}). Check the connection and run this again.",
                ) from e
            time.sleep(wait)
    raise AssertionError


def check_room(top: Path, needs: list[Need]) -> None:
    missing = sum(need.bytes_missing for need in needs)
    there = next(p for p in (top.absolute(), *top.absolute().parents) if p.exists())
    free = shutil.disk_usage(there).free
    if missing and missing * SPARE > free:
        raise MLError(
            "disk_full",
            f"{amount(round(missing * SPARE))} are needed in {top} and {amount(free)} are free."
            " Make room or choose --into.",
        )


def agree(needs: list[Need], record: Record, accept: Callable[[str], bool]) -> None:
    """Asks for each licence once; records the acceptance in the files' folder."""
    for need in needs:
        if need.accepted:
            continue
        name, url = need.repository.name, need.repository.licence_url
        if not accept(f"Do you accept the licence {need.licence} ({url}) of {name}?"):
            raise MLError(
                "licence_not_accepted",
                f"{name} is under the licence {need.licence} ({url})."
                " Read it, then run this again with --accept-licence.",
            )
        record.accept(name, need.licence, need.commit)


# ---------------------------------------------------------------- bytes


def fetch_all(hub: ModelHub, needs: list[Need], on_progress: OnProgress) -> None:
    for need in needs:
        for file in need.missing:
            fetch_file(hub, need, file, on_progress)
        need.depot.finish(need.files)


def fetch_file(hub: ModelHub, need: Need, file: HubFile, on_progress: OnProgress) -> None:
    """Downloads a file, resuming earlier tries and runs. The file gets its name after the checksum is
    verified."""
    part = need.depot.part(file)
    part.parent.mkdir(parents=True, exist_ok=True)
    if size_of(part) > file.size:
        part.unlink()
    part.touch()
    waits = iter(WAITS)
    while (have := size_of(part)) < file.size:
        try:
            append(hub, need, file, part, on_progress)
        except ConnectionBroken as e:
            waits = iter(WAITS) if size_of(part) > have else waits
            wait = next(waits, None)
            if wait is None:
                raise MLError(
                    "download_cut",
                    f"{file.path} was cut after {amount(size_of(part))} of {amount(file.size)} ({e})."
                    " Run this again: it goes on from there.",
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


def append(hub: ModelHub, need: Need, file: HubFile, part: Path, on_progress: OnProgress) -> None:
    """Downloads the bytes after the part's end and appends them.

    Raises ConnectionBroken when bytes are still missing.
    """
    have = size_of(part)
    with hub.open(need.repository.name, need.commit, file.path, have) as (at, chunks), part.open("ab") as out:
        if at < have:  # the server does not support ranges
            out.truncate(at)
        for chunk in chunks:
            out.write(chunk)
            at += len(chunk)
            on_progress(file.path, at, file.size)
            if at > file.size:
                return  # larger than listed, so another file: the checksum will fail
    if at < file.size:
        raise ConnectionBroken("the hub ended early")


def check(base: Base | VideoBase, into: Path | None) -> Path:
    """The directory from which the base is loaded. MLError `base_broken` when files are incomplete."""
    here = replace(base, source=str(into)) if into else base
    find_adapter(here)
    find_undistilled(here)
    return find(here)


# ---------------------------------------------------------------- shared by both command lines


def add_arguments(parser: Any) -> None:
    parser.add_argument("--into", type=Path, help="a plain directory instead of the hub's cache")
    parser.add_argument(
        "--token-file", type=Path, help="file with the hub's token (else HF_TOKEN, HF_TOKEN_FILE)"
    )
    parser.add_argument("--accept-licence", action="store_true", help="accept the licences that are shown")
    parser.add_argument("--dry-run", action="store_true", help="say what is needed; fetch nothing")


def run(profile: str, args: Any, tell: Tell) -> Fetched:
    """Calls `fetch` with the arguments of `add_arguments`, a progress meter and questions at the terminal."""
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
    """The hub's token: from the file, HF_TOKEN, HF_TOKEN_FILE, or `hf auth login`."""
    name = file or (not os.environ.get("HF_TOKEN") and os.environ.get("HF_TOKEN_FILE"))
    if not name:
        return huggingface_hub.get_token()
    try:
        return Path(name).read_text().strip()
    except OSError as e:
        raise MLError("not_allowed", f"The token's file {name} cannot be read: {e.strerror}.") from e


def ask(question: str) -> bool:
    """Asks the person at the terminal; without a terminal the answer is no."""
    if not sys.stdin.isatty():
        return False
    print(f"{question} Type yes: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() == "yes"


class Meter:
    """Prints a line per file on standard error: share and speed on a terminal, else only name and size."""

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
