"""A client of the model hub: lists a repository's files, and downloads a file from any
offset.

huggingface_hub 2.4.0 cannot resume a file: it downloads under a new name each time and deletes it when the
connection breaks. A base has tens of gigabytes, so this module downloads over plain HTTP with `Range`. It
does not need hf_xet (the hub bridges its storage to HTTP), and it works where HF_HUB_OFFLINE prevents
libraries from downloading.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from ml.errors import MLError

ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
BUSY = (408, 429)  # statuses to retry, besides 500 and above


class ConnectionBroken(Exception):
    """The connection failed or ended early, or the hub is busy. Another try may succeed."""


@dataclass(frozen=True)
class HubFile:
    """`etag` is the blob's name in the hub's cache: the sha256 of a large file, git's id of a small file."""

    path: str
    size: int
    etag: str

    def fingerprint(self, file: Path) -> str:
        """The checksum of the bytes on disk, to be compared with `etag`."""
        with file.open("rb") as f:
            if len(self.etag) == 64:
                return hashlib.file_digest(f, "sha256").hexdigest()
            return hashlib.sha1(b"blob %d\0" % file.stat().st_size + f.read()).hexdigest()


@dataclass(frozen=True)
class Listing:
    commit: str
    licence: str  # from the repository's card; "" when the card names none
    gated: bool
    files: tuple[HubFile, ...]


class ModelHub:
    """The hub at `endpoint` (HF_ENDPOINT, else huggingface.co), with the access rights of `token`."""

    def __init__(self, token: str | None = None, endpoint: str | None = None):
        self.endpoint = (endpoint or os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
        # Not compressed: a compressed download could not be resumed.
        headers = {"User-Agent": "photoflux", "Accept-Encoding": "identity"}
        if token:  # httpx drops it when the hub redirects to another host
            headers["Authorization"] = f"Bearer {token}"
        self.client = httpx2.Client(
            headers=headers, follow_redirects=True, timeout=httpx2.Timeout(30, connect=10)
        )

    def listing(self, repository: str, revision: str | None) -> Listing:
        """Lists a repository's files. Raises MLError `not_on_hub`, `not_allowed`; ConnectionBroken."""
        revision = quote(revision or "main", safe="")
        url = f"{self.endpoint}/api/models/{repository}/revision/{revision}?blobs=true"
        with self._asked(url, repository) as answer:
            try:
                return parse(json.loads(answer.read()))
            except (ValueError, KeyError, TypeError, AttributeError) as e:
                raise MLError(
                    "not_on_hub",
                    f"{self.endpoint} gives no valid answer about {repository}. Check HF_ENDPOINT.",
                ) from e

    @contextlib.contextmanager
    def open(
        self, repository: str, commit: str, path: str, start: int
    ) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Yields (offset, bytes). The offset is `start`, or 0 when the server ignores ranges."""
        url = f"{self.endpoint}/{repository}/resolve/{commit}/{quote(path)}"
        with self._asked(url, repository, {"Range": f"bytes={start}-"} if start else {}) as answer:
            # Chunks as received: with a fixed chunk size, a broken connection would lose the last bytes.
            yield (start if answer.status_code == 206 else 0), answer.iter_raw()

    @contextlib.contextmanager
    def _asked(self, url: str, repository: str, headers: dict[str, str] | None = None) -> Iterator[Any]:
        try:
            with self.client.stream("GET", url, headers=headers) as answer:
                self._check(answer, repository)
                yield answer
        except httpx2.HTTPError as e:
            raise ConnectionBroken(f"{type(e).__name__}: {e}".rstrip(": ")) from e

    def _check(self, answer: Any, repository: str) -> None:
        status, said = answer.status_code, answer.headers.get("X-Error-Message", "")
        if status < 300:
            return
        if status in BUSY or status >= 500:
            raise ConnectionBroken(f"the hub answered {status}")
        if status in (401, 403):  # without a token, the hub answers 401 also for a missing repository
            raise MLError(
                "not_allowed",
                f"The hub does not give {repository} to you ({status}). Check the name, accept its terms at"
                f" {self.endpoint}/{repository} with your account, and set HF_TOKEN, HF_TOKEN_FILE or"
                " --token-file to a token that may read it.",
            )
        where = str(answer.request.url).removeprefix(self.endpoint)
        reason = f"{status}: {said}" if said else str(status)
        raise MLError(
            "not_on_hub", f"The hub has no {where} ({reason}). Check the repository and its revision."
        )


def parse(data: dict[str, Any]) -> Listing:
    """Parses the answer of /api/models/NAME/revision/REVISION?blobs=true.

    Raises ValueError, KeyError, TypeError or AttributeError for other data.
    """
    card = data.get("cardData") or {}
    licence = card.get("license_name") or card.get("license") or ""
    if not ETAG.fullmatch(data["sha"]):
        raise ValueError("commit")
    files = tuple(hub_file(sibling) for sibling in data["siblings"])
    return Listing(data["sha"], str(licence), bool(data.get("gated")), files)


def hub_file(sibling: dict[str, Any]) -> HubFile:
    path, large = sibling["rfilename"], sibling.get("lfs")
    etag = large["sha256"] if large else sibling["blobId"]
    # The etag and the path become file names on this disk.
    if not ETAG.fullmatch(etag) or path.startswith("/") or ".." in path.split("/") or "\\" in path:
        raise ValueError(path)
    return HubFile(path, int(large["size"] if large else sibling["size"]), etag)
