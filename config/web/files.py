"""Serves a private file from the vault, with ETag and ranges. Only the viewer's browser may cache it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from itertools import chain
from typing import Any, Protocol

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from config.errors import NotFound, RangeNotSatisfiable
from config.web.caching import CHECK, precondition


class Files(Protocol):
    def etag(self, name: str) -> str: ...
    def exists(self, name: str) -> bool: ...
    def size(self, name: str) -> int: ...
    def open_range(self, name: str, start: int, stop: int) -> Iterator[bytes]: ...


def serve(
    request: HttpRequest, files: Files, name: str, *, etag: str = "", media_type: str, download: str = ""
) -> HttpResponseBase:
    """200, 206 or 304. Without `etag` the ETag is the hash of the plain bytes.

    Raises NotFound, ChangedMeanwhile, RangeNotSatisfiable, and what `files` raises for a damaged file.
    """
    try:
        quoted = f'"{etag or files.etag(name)}"'
    except FileNotFoundError:
        raise NotFound from None
    if unchanged := precondition(request, quoted):
        return unchanged
    if not files.exists(name):
        raise NotFound
    size = files.size(name)
    start, stop = _range(request, size, quoted)
    partial = (start, stop) != (0, size)
    response = _answer(request, files.open_range(name, start, stop), stop - start)
    response.status_code, response["Content-Type"] = 206 if partial else 200, media_type
    response["Content-Length"] = str(stop - start)
    response["Accept-Ranges"] = "bytes"
    if partial:
        response["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    if download:
        response["Content-Disposition"] = f'attachment; filename="{download}"'
    response["ETag"] = quoted
    response["Cache-Control"] = CHECK
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _answer(request: Any, chunks: Iterator[bytes], size: int) -> HttpResponseBase:
    """Reads the first piece (of up to 1 MiB) now, so that what is wrong with it is answered as an error. What
    is longer is sent piece by piece."""
    first = next(chunks, b"")
    if len(first) == size:
        return HttpResponse(first)
    rest = chain([first], chunks)
    if not connection.in_atomic_block:
        connection.close()  # returns it to the pool: a slow client may take minutes
    asynchronous = isinstance(getattr(request, "_request", request), ASGIRequest)
    return StreamingHttpResponse(one_by_one(rest) if asynchronous else rest)


async def one_by_one(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks as an async iterator. Under ASGI, Django reads a plain iterator whole before it sends."""
    take = sync_to_async(lambda: next(chunks, None), thread_sensitive=False)
    while (chunk := await take()) is not None:
        yield chunk


def _range(request: HttpRequest, size: int, quoted: str) -> tuple[int, int]:
    """[start, stop) of the one range that was asked for.

    Several ranges, or If-Range with another version, give the whole file.
    """
    header = request.headers.get("Range", "")
    if request.headers.get("If-Range", quoted) != quoted:
        header = ""
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", header.strip())
    if not found or found.group(0) == "bytes=-":
        return 0, size
    first, last = found.groups()
    if not first:  # "bytes=-N": the last N bytes
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(int(last) + 1 if last else size, size)
    if start >= stop:
        raise _unsatisfiable(size)
    return start, stop


def _unsatisfiable(size: int) -> RangeNotSatisfiable:
    error = RangeNotSatisfiable()
    error.headers = {"Content-Range": f"bytes */{size}"}  # type: ignore[attr-defined]
    return error
