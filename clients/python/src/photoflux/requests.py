"""Requests as data, when to try one again, and the pieces of an upload: what both clients share."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from photoflux.errors import ApiError

Progress = Callable[[float], object]  # from 0 to 1
PIECE = 1024 * 1024  # bytes of an upload in one request
AGAIN = (408, 425, 429, 502, 503, 504)
PICTURES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".heic", ".heif"}
ENDED = ("succeeded", "failed", "cancelled")
TUS = {"Tus-Resumable": "1.0.0"}
LONGEST = 60.0  # seconds of one wait


@dataclass(frozen=True)
class Request:
    """`safe`: it may be sent again though the first one may have arrived."""

    method: str
    path: str
    json: Any = None
    content: bytes | None = None
    params: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def address(self, site: str) -> str:
        """`path` is `/twins`, or as the site answered it: `/api/v1/twins`, or the whole address."""
        if self.path.startswith("http"):
            return self.path
        return site + (self.path if self.path.startswith("/api/") else f"/api/v1{self.path}")

    @property
    def safe(self) -> bool:
        return self.method in ("GET", "HEAD", "DELETE") or "Idempotency-Key" in self.headers


def post(path: str, json: Any = None, *, key: str = "") -> Request:
    """With a key, so that it is done once however often it is sent."""
    return Request("POST", path, json=json, headers={"Idempotency-Key": key or uuid.uuid4().hex})


def should_repeat(request: Request, response: httpx.Response | None) -> bool:
    """`response` is None where none came. 429 and 503 changed nothing, so that anything may be repeated."""
    if response is None:
        return request.safe
    return response.status_code in AGAIN and (request.safe or response.status_code in (429, 503))


def wait_before(tries: int, response: httpx.Response | None) -> float:
    """Seconds before the next try, after `tries` of them."""
    told = response.headers.get("Retry-After", "") if response is not None else ""
    return min(LONGEST, float(told)) if told.isdigit() else min(8.0, 0.5 * 2**tries)


def pauses(longest: float) -> Iterator[float]:
    """Seconds between two looks at what takes its time."""
    for n in count():
        yield min(longest, 0.1 * 1.5**n)


def result_of(response: httpx.Response) -> httpx.Response:
    """Raises ApiError."""
    if response.is_success:
        return response
    raise ApiError.of(response)


def given(**fields: Any) -> dict[str, Any]:
    """Those that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def begin_upload(twin: str, data: bytes, name: str, key: str) -> Request:
    told = base64.b64encode(name[-120:].encode()).decode()
    headers = {"Upload-Length": str(len(data)), "Upload-Metadata": f"filename {told}", "Idempotency-Key": key}
    return Request("POST", f"/twins/{twin}/uploads", headers=TUS | headers)


def piece(path: str, data: bytes, offset: int) -> Request:
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    return Request("PATCH", path, content=data[offset : offset + PIECE], headers=TUS | headers)


def arrived(path: str) -> Request:
    return Request("HEAD", path, headers=TUS)


def offset_of(response: httpx.Response) -> int:
    return int(response.headers["Upload-Offset"])


def pictures_in(folder: str | Path) -> list[Path]:
    """The files in it that can be pictures, by their names, in order."""
    files = sorted(Path(folder).expanduser().iterdir())
    return [each for each in files if each.suffix.lower() in PICTURES and each.is_file()]


def file_name(item: Any) -> str:
    """Of a picture that is downloaded: when it was made, and the start of its id."""
    ending = {"image/jpeg": "jpg", "video/mp4": "mp4", "image/webp": "webp"}.get(item["media_type"], "png")
    return f"{item['created_at'][:10]}-{item['id'][:8]}.{ending}"


def share_of(run: Any) -> float:
    return 1.0 if run["status"] == "succeeded" else float(run["progress"])


def settled(photos: Iterable[Any]) -> bool:
    return all(photo["status"] != "checking" for photo in photos)
